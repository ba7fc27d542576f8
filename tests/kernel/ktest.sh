#!/bin/bash
# Runs the kernel's own tests (x_ktest.cpp) in QEMU (TCG, q35) on one and four CPUs:
# ktest.sh KERNEL TEST-KERNEL [PATTERN]. The last lines of a boot that is cut name the test that hung.
set -euo pipefail
kernel=$1
test_kernel=$2
pattern=${3:-all}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# boot KERNEL CPUS: the console goes to $out; prints QEMU's exit code.
boot() {
    local status=0
    timeout 120 qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp "$2" -m 256M -no-reboot \
        -kernel "$1" -append "exo.test=$pattern" -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -display none -serial stdio -monitor none </dev/null >"$out" 2>&1 || status=$?
    echo "$status"
}

fail() {
    printf 'ktest: %s; the console ended with:\n' "$1" >&2
    tail -n 60 "$out" >&2
    exit 1
}

for cpus in 1 4; do
    status=$(boot "$test_kernel" "$cpus")
    [ "$status" != 124 ] || fail "on $cpus CPUs cut after 120 s in $(sed -n 's/.*ktest: run //p' "$out" | tail -n 1)"
    [ "$status" = 1 ] || fail "on $cpus CPUs ended with $status"
    grep -qE 'ktest: [1-9][0-9]* passed, 0 failed, on '"$cpus"' CPUs' "$out" || fail "no result of $cpus CPUs"
    printf '%s\n' "$(grep -E 'ktest: [0-9]+ passed' "$out")"
done

# The image that is shipped has no tests, and says so instead of passing none.
! llvm-nm-19 "$kernel" | grep -q 'ktest_entry' || fail 'the shipped image has tests'
status=$(boot "$kernel" 1)
[ "$status" = 85 ] || fail "the shipped image, asked for tests, ended with $status"
grep -q 'this image has no tests' "$out" || fail 'the shipped image did not say that it has no tests'
