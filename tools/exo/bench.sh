# shellcheck shell=bash
# ./exo bench: runs the benchmark programs and prints their rows; see tools/bench.py.

exo_bench() {
    local groups=() options=()
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help)
            cat <<'TEXT'
Usage: ./exo bench [GROUP...] [--json FILE] [--only PART] [--markdown FILE]

Groups: core (rings, switch, allocator, scheduler), the default; kernel (in a guest, beside Debian's
Linux: each operation of the ABI in instructions and in time, what is inside the kernel, boot).
  --json FILE      also write the rows as a JSON array
  --only PART      only one part: ring, switch, alloc, sched of core; instructions, time,
                   inside, boot of kernel
  --markdown FILE  also write the table in Markdown

Every row stands beside its peers, measured in the same run. Ends with 1 if a row misses its
target and the row does not say why.
TEXT
            return
            ;;
        --json | --only | --markdown)
            [ $# -ge 2 ] || die "bench: $1 needs a value"
            options+=("$1" "$2")
            shift
            ;;
        core | kernel) groups+=("$1") ;;
        *) bad_option bench "$1" ;;
        esac
        shift
    done
    [ ${#groups[@]} -gt 0 ] || groups=(core)
    # shellcheck source=tools/exo/setup.sh
    source tools/exo/setup.sh
    exo_setup
    local group preset presets=()
    for group in "${groups[@]}"; do
        case $group in
        core) presets+=(release) ;;
        kernel) presets+=(user freestanding) ;;
        esac
    done
    for preset in "${presets[@]}"; do
        configure_and_build "$preset" >build/log/bench-build.log 2>&1 || {
            tail -n 30 build/log/bench-build.log >&2
            die 'the build failed; see build/log/bench-build.log'
        }
    done
    python3 tools/bench.py "${options[@]}" "${groups[@]}"
}
