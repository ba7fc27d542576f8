#!/usr/bin/env bash
# Verifies the protocol models with spin: each must be searched to its end without an error, and
# each mutant must yield one. Usage: tests/model/run.sh [--long]; work goes to a temporary folder.
set -u
cd "$(dirname "$0")" || exit 1
models=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiler=${CC:-clang-19}
memory_mib=3000
long=${1:-}
seconds=$([[ $long == --long ]] && echo 900 || echo 100)
failed=0

# explore MODEL PAN_FLAGS DEFINES...: the verifier's report, in $work/report
explore() {
    local model=$1 flags=$2
    shift 2
    rm -rf "$work/pan"* "$work/report"
    (
        cd "$work" || exit 1
        spin -a "$@" "$models/$model" >spin.log 2>&1 || { cat spin.log; exit 1; }
        # A claim (ltl) needs the full search; without one the safety search is enough.
        local mode=-DSAFETY
        [[ $flags == *-a* ]] && mode=-DNFAIR=3
        "$compiler" -O2 -w -DCOLLAPSE -DMEMLIM=$memory_mib -DVECTORSZ=2048 $mode -o pan pan.c || exit 1
        # shellcheck disable=SC2086
        timeout "$seconds" ./pan -m2000000 -w22 $flags >report 2>&1
        echo "exit $?" >>report
    )
}

# A search that was cut short proves nothing.
complete() {
    grep -q "^exit 0$" "$work/report" &&
        ! grep -qiE "max search depth too small|Search not completed|memory limit|out of memory|hash array is full|VECTORSZ" \
            "$work/report"
}

states() { awk '/states, stored/ {print $1; exit}' "$work/report"; }

verify() {
    explore "$@"
    local name="$1 ${*:3}"
    if complete && grep -q "errors: 0" "$work/report"; then
        printf 'ok      %-64s %s states\n' "$name" "$(states)"
    else
        printf 'FAILED  %s\n' "$name"
        tail -40 "$work/report"
        failed=1
    fi
}

# As verify(), for a broken protocol: an error must be found.
refute() {
    explore "$@"
    local name="$1 ${*:3}"
    if grep -qE "errors: [1-9]" "$work/report"; then
        printf 'caught  %-64s %s\n' "$name" "$(grep -m1 -oE 'assertion violated.*|invalid end state|acceptance cycle' "$work/report")"
    else
        printf 'FAILED  %s: the mutant was not caught\n' "$name"
        tail -40 "$work/report"
        failed=1
    fi
}

verify spsc.pml "-a -f"
verify spsc.pml "-a -f" -DCAP=4 -DMSGS=12
for mutant in EARLY_HEADER EARLY_HEAD NO_LIMIT CLOSE_FIRST; do
    refute spsc.pml "-noclaim" "-DMUTANT_$mutant"
done

verify event_count.pml ""
verify event_count.pml "" -DTAKERS=3 -DGIVERS=1
for mutant in TWO_WORDS NO_SECOND_LOOK LATE_MARK BLIND_SLEEP; do
    refute event_count.pml "" "-DMUTANT_$mutant"
done

verify mpmc.pml ""
verify mpmc.pml "" -DDEATHS=1 -DCONSUMERS=1
verify mpmc.pml "" -DDEATHS=1 -DPRODUCERS=1 -DFIRST=3
verify mpmc.pml "" -DDEATHS=2 -DPRODUCERS=1
verify mpmc.pml "" -DDEATHS=2 -DCONSUMERS=1 -DFIRST=1
if [[ $long == --long ]]; then
    verify mpmc.pml "" -DDEATHS=1 -DFIRST=1
    verify mpmc.pml "" -DEACH=2
fi
for mutant in NO_SEQUENCE PLAIN_CLAIM; do
    refute mpmc.pml "" "-DMUTANT_$mutant" -DCONSUMERS=1
done
for mutant in NO_REAP NO_INTENT LATE_INTENT IGNORE_LIVING; do
    refute mpmc.pml "" "-DMUTANT_$mutant" -DDEATHS=1 -DCONSUMERS=1
done
exit $failed
