# shellcheck shell=bash disable=SC2154 # the colours are from common.sh
# ./exo setup: the packages of tools/exo/packages.txt, and a sysroot for freestanding builds.

exo_setup() {
    case ${1:-} in
    -h | --help)
        echo 'Usage: ./exo setup'
        echo 'Installs the Debian packages named in tools/exo/packages.txt that are missing, and'
        echo "unpacks libc++'s and musl's headers for freestanding builds into build/sysroot,"
        echo 'and a console font into build/font.'
        return
        ;;
    '') ;;
    *) bad_option setup "$1" ;;
    esac
    setup_packages
    setup_sysroot
    setup_font
}

# The console's font, of a package that would bring a daemon and questions: unpacked, not installed.
setup_font() {
    [ -f build/font/complete ] && return
    rm -rf build/font build/download
    mkdir -p build/font build/download build/log
    (cd build/download && { apt-get download console-setup-linux ||
        { as_root apt-get update && apt-get download console-setup-linux; }; }) \
        >build/log/font.log 2>&1 || die 'console-setup-linux could not be downloaded; see build/log/font.log'
    dpkg -x build/download/*.deb build/font
    rm -rf build/download
    touch build/font/complete
}

missing_packages() {
    local wanted name
    wanted=$(sed 's/#.*//' tools/exo/packages.txt)
    for name in $wanted; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
        installed) ;;
        *) echo "$name" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

setup_packages() {
    command -v dpkg-query >/dev/null || die 'setup installs Debian packages; this system has no dpkg'
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "these packages are missing and you are not root: ${missing[*]}
     install them with: apt-get install --no-install-recommends ${missing[*]}"
    fi
    printf '%sInstalling %d packages%s (log: build/log/setup.log)\n' "$bold" ${#missing[@]} "$plain"
    mkdir -p build/log
    {
        as_root apt-get update &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
                "${missing[@]}"
    } >build/log/setup.log 2>&1 || {
        tail -n 20 build/log/setup.log >&2
        die 'the packages could not be installed; the end of build/log/setup.log is above'
    }
}

# libc++-19-dev would replace an installed libc++ run time, and only its headers are wanted: it and
# musl-dev are unpacked, not installed.
setup_sysroot() {
    [ -f build/sysroot/complete ] && return
    echo 'Unpacking headers for freestanding builds'
    rm -rf build/sysroot build/download
    mkdir -p build/sysroot build/download build/log
    (cd build/download && { apt-get download libc++-19-dev musl-dev ||
        { as_root apt-get update && apt-get download libc++-19-dev musl-dev; }; }) \
        >build/log/sysroot.log 2>&1 ||
        die 'libc++-19-dev and musl-dev could not be downloaded; see build/log/sysroot.log'
    local package
    for package in build/download/*.deb; do dpkg -x "$package" build/sysroot; done
    rm -rf build/download
    touch build/sysroot/complete
}
