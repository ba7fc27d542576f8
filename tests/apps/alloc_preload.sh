#!/bin/bash
# Real programs doing their real work on libexo_alloc.so: a C++ compile whose output must not differ,
# redis under its benchmark, and Python's own tests. Ends with 0 when all went well; what a program
# said stands in build/release/apps-alloc/.
#   alloc_preload.sh [--long]      --long (or EXO_LONG=1): all of Python's tests, and no time limit
#
# shellcheck disable=SC2317  # the steps are functions that check() calls by name
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

long=${EXO_LONG:-0}
[ "${1:-}" = --long ] && long=1
library=$PWD/build/release/lib/alloc/libexo_alloc.so
logs=$PWD/build/release/apps-alloc
work=$(mktemp -d)
server=
failed=0

finish() {
    [ -n "$server" ] && kill "$server" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

# Short: a fair cut through the interpreter.
short_tests=(test_list test_dict test_set test_json test_re test_collections test_bytes test_array
    test_struct test_memoryview test_zlib test_threading test_thread test_fork1 test_ast test_weakref)

# Long: all but those that fail on glibc's malloc just the same, for want of packages and a display.
failing_anyway=(test_gdb test_cmd_line test_compileall test_cppext test_ensurepip test_idle)
# One that connects to its own machine by vsock, which leads nowhere in some virtual machines: it waits for ever.
hanging_anyway=ThreadedVSOCKSocketStreamTest

preloaded() { LD_PRELOAD=$library "$@"; }

check() {
    local name=$1
    shift
    if "$@" >"$logs/$name.log" 2>&1 && ! grep -q '^exo_alloc: ' "$logs/$name.log"; then
        echo "ok      $name"
    else
        echo "FAILED  $name: see $logs/$name.log"
        tail -n 15 "$logs/$name.log"
        failed=1
    fi
}

compile() {
    cat >"$work/a.cpp" <<'CPP'
#include <iostream>
#include <map>
#include <regex>
#include <string>
int main(int argc, char** argv) {
    std::map<std::string, int> seen;
    for (int i = 0; i < argc; ++i) seen[argv[i]] += std::regex_match(argv[i], std::regex("a.*b"));
    for (const auto& [word, count] : seen) std::cout << word << count << '\n';
}
CPP
    g++ -O2 -o "$work/expected.o" -c "$work/a.cpp" || return 1
    preloaded g++ -O2 -o "$work/got.o" -c "$work/a.cpp" || return 1
    cmp "$work/expected.o" "$work/got.o" || return 1
    # The linker and the program itself as well.
    preloaded g++ -o "$work/a" "$work/got.o" || return 1
    [ "$(preloaded "$work/a" acb | tail -n 1)" = acb1 ]
}

redis() {
    local socket=$work/redis.sock
    # The package redis-server is this one program, under that name, and a service that would start.
    ln -sf "$(command -v redis-check-rdb)" "$work/redis-server"
    LD_PRELOAD=$library "$work/redis-server" --port 0 --unixsocket "$socket" --save "" --dir "$work" &
    server=$!
    for _ in $(seq 200); do
        [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ] && break
        sleep 0.05
    done
    preloaded redis-benchmark -s "$socket" -q -n 30000 -r 10000 -d 200 -P 8 || return 1
    preloaded redis-cli -s "$socket" set key "$(head -c 100000 /dev/zero | tr '\0' x)" || return 1
    [ "$(redis-cli -s "$socket" strlen key)" = 100000 ] || return 1
    preloaded redis-cli -s "$socket" flushall || return 1
    kill "$server"
    wait "$server" || return 1
    server=
}

python_tests() {
    # A test that hangs (a peer that the machine lent no core in time) ends, and is told. Some want
    # to be interrupted, which a shell's background job ignores.
    (cd "$work" && preloaded env --default-signal=INT /usr/bin/python3 -m test -q --timeout 1200 "$@")
}

# A small address space: the heap reserves what it may and the program works.
small_address_space() {
    (ulimit -v 200000 && preloaded /usr/bin/python3 -c \
        'x = [str(i) * 10 for i in range(10**5)]; print(len(" ".join(x)))')
}

mkdir -p "$logs"
[ -f "$library" ] || { echo "no $library: ./exo build release" >&2; exit 1; }
check compile compile
check redis redis
check small-address-space small_address_space
if [ "$long" = 1 ]; then
    check python-tests python_tests -i "$hanging_anyway" -x "${failing_anyway[@]}"
else
    check python-tests python_tests "${short_tests[@]}"
fi
exit "$failed"
