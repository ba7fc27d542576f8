#!/bin/bash
# Boots the kernel in QEMU (TCG), on both machine types, with one and four CPUs, and provokes its
# panics: boot.sh KERNEL. A boot that hangs is cut after 60 s.
set -euo pipefail
kernel=$1
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# boot MACHINE CPUS COMMAND-LINE: the console goes to $out; prints QEMU's exit code, which is
# 2 * status + 1 of what the kernel wrote to the debug-exit port, or 124 for a boot that was cut.
boot() {
    local status=0
    timeout 60 qemu-system-x86_64 -machine "$1,accel=tcg" -cpu max -smp "$2" -m 128M -no-reboot \
        -kernel "$kernel" -append "$3" -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -display none -serial stdio -monitor none </dev/null >"$out" 2>&1 || status=$?
    echo "$status"
}

fail() {
    printf 'boot: %s; the console said:\n' "$1" >&2
    cat "$out" >&2
    exit 1
}

expect() { grep -q "$1" "$out" || fail "no '$1'"; }

# Nothing to run but a panic, which names the function it happened in and ends QEMU with a failure:
# status 0x2a. The kernel is ready for its first program within 300 ms by its own clock.
for machine in q35 q35,hpet=off microvm; do
    for cpus in 1 4; do
        status=$(boot "$machine" "$cpus" 'exo.panic=check')
        [ "$status" = 85 ] || fail "$machine with $cpus CPUs ended with $status"
        expect 'protections: nx wp smep smap umip'
        expect 'KERNEL PANIC on CPU'
        [ "$cpus" = 1 ] || expect 'CPU 3 (APIC 3) is up'
        # TCG is no KVM; without an HPET the PIT serves. (microvm's HPET is not in its tables.)
        case $machine in q35) expect 'MHz by HPET' ;; *) expect 'MHz by PIT' ;; esac
        expect 'last trace records of CPU' # of whichever the panic came to
        expect ' us  switch to start'
        ready=$(sed -n 's/.*ready after \([0-9]*\) us.*/\1/p' "$out")
        [ -n "$ready" ] || fail 'never ready'
        [ "$cpus" != 1 ] || [ "$ready" -lt 300000 ] || fail "ready after $ready us"
        echo "ok      $machine, $cpus CPUs, ready after $ready us"
    done
done

for kind in check fault text; do
    status=$(boot q35 1 "exo.panic=$kind")
    [ "$status" = 85 ] || fail "exo.panic=$kind ended with $status"
    expect 'KERNEL PANIC on CPU 0'
    expect 'panic_on_request'
    expect 'start_programs'
    [ "$kind" != fault ] || expect ' us  page fault at 0x10 by 0xffffffff8.* exo::(anonymous namespace)::panic_on_request'
    echo "ok      exo.panic=$kind"
done
