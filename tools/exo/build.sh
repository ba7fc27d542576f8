# shellcheck shell=bash
# ./exo build: configures and builds presets of CMakePresets.json.

exo_build() {
    local presets=() preset
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help)
            echo 'Usage: ./exo build [PRESET...]'
            echo 'Presets: release (default), asan, tsan, fuzz, freestanding, kernel-test, user, tidy; see CMakePresets.json.'
            return
            ;;
        release | asan | tsan | fuzz | freestanding | kernel-test | user | tidy) presets+=("$1") ;;
        *) bad_option build "$1" ;;
        esac
        shift
    done
    [ ${#presets[@]} -gt 0 ] || presets=(release)
    # shellcheck source=tools/exo/setup.sh
    source tools/exo/setup.sh
    exo_setup
    for preset in "${presets[@]}"; do configure_and_build "$preset"; done
}
