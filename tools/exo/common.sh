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

# step NAME COMMAND...: runs it with its output in build/log/NAME.log; on failure shows the end of
# that. Counts for step_summary; does not end the script.
step() {
    local name=$1 log began=$SECONDS status=0
    shift
    mkdir -p build/log
    log=build/log/${name//[ \/]/-}.log
    printf '%-44s' "$name"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ $status -eq 0 ]; then
        step_passed=$((step_passed + 1))
        printf '%sok%s    %4d s%s\n' "$green" "$plain" $((SECONDS - began)) "$(step_detail "$log")"
        return 0
    fi
    step_failed=$((step_failed + 1))
    failed_names+=("$name")
    printf '%sFAILED%s %3d s  (exit %d)\n' "$red" "$plain" $((SECONDS - began)) $status
    tail -n 40 "$log" | sed 's/^/    /'
    printf '    the whole output: %s\n' "$log"
    return 1
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
