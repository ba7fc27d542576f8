# shellcheck shell=bash disable=SC2034 # the colours are for who sources this
# Shared by the commands of ./exo: messages, steps with their logs, the build of a preset.

if [ -t 1 ]; then
    bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' red='' green='' plain=''
fi

die() {
    printf '%sexo:%s %s\n' "$red" "$plain" "$*" >&2
    exit 2
}

# The options a command does not know end here.
bad_option() { die "$1: no option or name '$2'; see ./exo $1 --help"; }

step_passed=0
step_failed=0
failed_names=()

step_log() { printf 'build/log/%s.log' "${1//[ \/]/-}"; }

# run_step NAME COMMAND...: its output to its log, which ends with a line of its own: how it ended, after how many seconds.
run_step() {
    local began=$SECONDS status=0 log
    log=$(step_log "$1")
    shift
    mkdir -p build/log
    "$@" >"$log" 2>&1 </dev/null || status=$?
    echo "$status $((SECONDS - began))" >"$log.ended"
}

# report_step NAME: how a step that has run went; on failure the end of its log. Counts for step_summary.
report_step() {
    local log status seconds
    log=$(step_log "$1")
    read -r status seconds <"$log.ended"
    rm "$log.ended"
    if [ "$status" -eq 0 ]; then
        step_passed=$((step_passed + 1))
        printf '%sok%s    %4d s%s\n' "$green" "$plain" "$seconds" "$(step_detail "$log")"
        return 0
    fi
    step_failed=$((step_failed + 1))
    failed_names+=("$1")
    printf '%sFAILED%s %3d s  (exit %d)\n' "$red" "$plain" "$seconds" "$status"
    tail -n 40 "$log" | sed 's/^/    /'
    printf '    the whole output: %s\n' "$log"
    return 1
}

# step NAME COMMAND...: runs and reports; does not end the script.
step() {
    printf '%-44s' "$1"
    run_step "$@"
    report_step "$1"
}

started_steps=()

# start_step NAME COMMAND...: a step beside the others that are started; finish_steps waits for them all.
start_step() {
    run_step "$@" &
    started_steps+=("$1")
}

finish_steps() {
    local name
    wait
    for name in "${started_steps[@]}"; do
        printf '%-44s' "$name"
        report_step "$name" || true
    done
    started_steps=()
}

# What a step's log says of how much it did: ctest's count, the kernel's lines, what passed.
step_detail() {
    sed -nE -e 's/^[0-9]+% tests passed, ([0-9]+) tests failed out of ([0-9]+)$/  \2 tests/p' \
        -e 's/^kernel: ([0-9,]+ of [0-9,]+) lines of code;.*/  \1/p' \
        -e 's/^([0-9]+) passed, 0 failed$/  \1 tests/p' \
        -e 's/^(exo|linux), [0-9]+ CPUs: ([0-9]+ of [0-9]+) pass$/  \2/p' "$1" | tr -d '\n'
}

# Prints the closing line, and is the exit status of all steps.
step_summary() {
    local name
    for name in "${failed_names[@]}"; do printf '%sfailed:%s %s\n' "$red" "$plain" "$name"; done
    printf '%d passed, %d failed\n' "$step_passed" "$step_failed"
    [ "$step_failed" -eq 0 ]
}

# configure_and_build PRESET [OPTION...]: the options go to cmake --build.
configure_and_build() {
    local preset=$1
    shift
    [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" || return 1
    cmake --build --preset "$preset" "$@"
}
