# shellcheck shell=bash disable=SC2154 # the colours are from common.sh
# ./exo test: every check there is, in groups, each step with its log below build/log.

exo_test() {
    local groups=() group long=0
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help)
            cat <<'TEXT'
Usage: ./exo test [--long] [GROUP...]

  lint     formatting, include layers, shell scripts, freestanding link, kernel lines, clang-tidy
  unit     unit tests: plain, under ASan+UBSan, and what is concurrent under TSan
  model    model checks of the lock-free structures: interleavings of the source, spin
  kernel   the kernel, booted in QEMU: panics, machines, its own tests with every check on
  run      ./exo run by typing it, on Debian's Linux and on Exo-OS
  abi      Linux programs on this machine's Linux and in Exo-OS, 1 and 4 CPUs, compared
  fuzz     every fuzz target for some seconds
  apps     real programs on what was built (LD_PRELOAD=libexo_alloc.so)

  --long   deeper bounds and longer runs of the same; takes hours
TEXT
            return
            ;;
        --long) long=1 ;;
        lint | unit | model | kernel | run | abi | fuzz | apps) groups+=("$1") ;;
        *) bad_option test "$1" ;;
        esac
        shift
    done
    [ ${#groups[@]} -gt 0 ] || groups=(lint unit model kernel run abi fuzz apps)
    # shellcheck source=tools/exo/setup.sh
    source tools/exo/setup.sh
    exo_setup
    export EXO_LONG=$long
    for group in "${groups[@]}"; do
        printf '%s%s%s\n' "$bold" "$group" "$plain"
        "test_$group" || true # counted; the summary tells
    done
    step_summary
}

jobs_count() { nproc; }

test_lint() {
    step 'format' check_format
    step 'include layers' python3 tools/check_layers.py
    step 'shell scripts' check_shell
    step 'freestanding: kernel flags, no libc' check_freestanding
    step 'kernel lines' tools/count_lines.py build/freestanding
    step 'coverage page' tools/coverage.py --check
    step 'clang-tidy' check_tidy
    # Some ten minutes more: the kernel's own sources, of which kernel/host has checked the logic.
    [ "$EXO_LONG" -eq 0 ] || step 'clang-tidy of the kernel' check_kernel_tidy
}

check_format() {
    git ls-files -z '*.h' '*.cpp' | xargs -0 clang-format-19 --dry-run -Werror
}

check_shell() {
    # && and not a second line: in a step, `set -e` is off.
    git ls-files -z '*.sh' exo .ci/run | xargs -0 shellcheck --external-sources --severity=warning &&
        git ls-files -z '*.py' | xargs -0 -r python3 -c 'import ast, sys
for name in sys.argv[1:]: ast.parse(open(name).read(), name)'
}

# Incremental: ninja checks again what changed, and here everything if the checks themselves did.
check_tidy() {
    [ .clang-tidy -nt build/tidy/build.ninja ] && rm -rf build/tidy
    configure_and_build tidy -- -k 0
}

check_kernel_tidy() {
    [ .clang-tidy -nt build/tidy-kernel/build.ninja ] && rm -rf build/tidy-kernel
    configure_and_build tidy-kernel -- -k 0
}

check_freestanding() {
    configure_and_build freestanding && tools/check_freestanding.sh build/freestanding
}

test_unit() {
    local preset
    for preset in release asan tsan; do
        step "build $preset" configure_and_build $preset || continue
        step "unit $preset" ctest --preset $preset --no-tests=error -j "$(jobs_count)" -LE model
    done
}

test_model() {
    step 'build release' configure_and_build release &&
        step 'model release' ctest --preset release --no-tests=error -j "$(jobs_count)" -L model
}

test_kernel() {
    step 'build freestanding' configure_and_build freestanding || return
    step 'build kernel-test' configure_and_build kernel-test || return
    local script
    for script in tests/kernel/*.sh tests/kernel/*.py; do
        step "kernel: $(basename "${script%.*}")" "$script" build/freestanding/kernel/exo-kernel \
            build/kernel-test/kernel/exo-kernel-test
    done
    step 'build user' configure_and_build user || return
    step 'kernel: instructions' python3 bench/kernel/inside.py --check
}

# Debian's Linux too: what fails there is the tool's or the test's fault, not the kernel's. A guest of one CPU, or one
# that waits for what is typed, leaves room for another beside it.
test_run() {
    step 'build freestanding' configure_and_build freestanding &&
        step 'build user' configure_and_build user || return
    step 'run: twice the same, to the digit' tests/run/repeat.sh build/freestanding/kernel/exo-kernel
    start_step 'run: linux' tests/run/run_test.py --kernel linux
    start_step 'run: exo' tests/run/run_test.py --kernel exo
    start_step "run: Debian's programs, beside Linux" tests/run/debian_test.py
    finish_steps
    start_step 'run: busybox applets, beside Linux' tests/run/applets_test.py
    start_step 'run: off, again, halted; Linux first' tests/run/power_test.py
    finish_steps
    local kernel
    for kernel in linux exo; do
        start_step "run: a session at the terminal, $kernel" tests/run/session_test.py --kernel $kernel
        start_step "run: a session at Debian's bash, $kernel" tests/run/debian_session_test.py --kernel $kernel
        finish_steps
    done
    [ "$EXO_LONG" -eq 0 ] || step "run: busybox's own tests, beside Linux" tests/run/busybox_suite.py
    step 'run: CPUs shared and responsive' tests/run/parallel_test.py
    [ "$EXO_LONG" -eq 0 ] || step "run: Python's own tests, beside Linux" tests/run/python_test.py
    [ "$EXO_LONG" -eq 0 ] || step 'run: a thousand processes, 100,000 forks' tests/run/forks_test.py
    [ "$EXO_LONG" -eq 0 ] || step 'run: load for minutes' tests/run/load_test.py
}

test_abi() {
    step 'build freestanding' configure_and_build freestanding &&
        step 'build kernel-test' configure_and_build kernel-test &&
        step 'build user' configure_and_build user || return
    start_step 'abi: Linux in the guest' tests/abi/run.py --kernel linux
    start_step 'abi: Exo-OS' tests/abi/run.py
    finish_steps
    step 'abi: Exo-OS with every check on' tests/abi/run.py --cpus 4 \
        --kernel build/kernel-test/kernel/exo-kernel-test
}

test_fuzz() {
    step 'build fuzz' configure_and_build fuzz || return
    local target seconds=10
    [ "$EXO_LONG" -eq 1 ] && seconds=1200
    while read -r target; do
        start_step "fuzz $(basename "$target")" run_fuzzer "$target" $seconds
        [ ${#started_steps[@]} -lt "$(jobs_count)" ] || finish_steps
    done <build/fuzz/fuzzers.txt
    finish_steps
}

run_fuzzer() {
    local corpus
    corpus=build/fuzz/corpus/$(basename "$1")
    mkdir -p "$corpus"
    "$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$corpus-" "$corpus"
}

test_apps() {
    step 'build release' configure_and_build release || return
    local script
    for script in tests/apps/*.sh; do
        [ -x "$script" ] && step "apps: $(basename "$script" .sh)" "$script"
    done
}
