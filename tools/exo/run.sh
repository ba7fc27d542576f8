# shellcheck shell=bash
# ./exo run, trace, debug, image: what boots or is booted; the programs are in tools/run and image.

exo_run() { run_in_guest run "$@"; }
exo_trace() { run_in_guest trace "$@"; }

run_in_guest() {
    local name=$1
    shift
    prepare_guest "$@"
    exec python3 tools/run/run.py "$name" "$@"
}

exo_debug() {
    prepare_guest "$@"
    exec python3 tools/run/debug.py "$@"
}

exo_image() {
    prepare_guest "$@"
    exec python3 image/initrd.py "$@"
}

# Installs and builds what is missing or stale, silently unless it fails: the output belongs to the
# command in the guest. Not for --help.
prepare_guest() {
    local word
    for word in "$@"; do
        case $word in
        --) break ;;
        -h | --help) return ;;
        esac
    done
    # shellcheck source=tools/exo/setup.sh
    source tools/exo/setup.sh
    exo_setup >&2
    build_quietly user
    # Debian's Linux needs no kernel of ours.
    case " $* " in *' --kernel linux '* | *' --kernel=linux '*) return ;; esac
    build_quietly freestanding
}

build_quietly() {
    local log=build/log/run-build-$1.log
    mkdir -p build/log
    configure_and_build "$1" >"$log" 2>&1 </dev/null || {
        tail -n 30 "$log" >&2
        die "the build of $1 failed; the whole output: $log"
    }
}
