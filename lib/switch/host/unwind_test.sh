#!/bin/bash
# gdb must unwind a context that runs (on its own stack, to context_start and no further) and, with
# tools/gdb/exo.py, one that is suspended.
set -eu
victim=$1
root=$(cd "$(dirname "$0")/../../.." && pwd)

out=$(timeout 60 gdb -nx -batch -iex 'set debuginfod enabled off' -ex 'set confirm off' \
    -ex "source $root/tools/gdb/exo.py" -ex 'break exo_break_here' -ex run \
    -ex 'echo == running\n' -ex bt \
    -ex 'echo == suspended\n' -ex 'exo-bt exo_suspended_context' \
    -ex 'echo == running again\n' -ex bt -ex 'echo == end\n' -ex continue "$victim" 2>&1)

fail() {
    printf 'unwind_test: %s\n%s\n' "$1" "$out" >&2
    exit 1
}
section() { printf '%s\n' "$out" | sed -n "/^== $1\$/,/^== /p" | grep '^#' || true; }
# The functions of a backtrace, innermost first, on one line.
names() { section "$1" | grep -oE 'exo_[a-z_]+|main::|context_start' | uniq | tr '\n' ' '; }

[ "$(names running)" = 'exo_break_here exo_running_outer main:: context_start ' ] ||
    fail "a running context's backtrace is '$(names running)'"
[ "$(names suspended)" = 'exo_suspend_here exo_suspend_outer main:: context_start ' ] ||
    fail "a suspended context's backtrace is '$(names suspended)'"
[ "$(section running)" = "$(section 'running again')" ] || fail 'exo-bt disturbed the registers'
case $out in *orrupt*) fail 'gdb calls a stack corrupt' ;; esac
case $out in *'exited normally'*) ;; *) fail 'the program did not go on after exo-bt' ;; esac
echo 'gdb unwinds running and suspended contexts'
