#!/bin/sh
# In the guest: busybox's own tests over the static busybox, then those of its shell. As runtest and
# run-all have it, but with a time limit for each applet and directory. bc is left out: its tests
# are minutes of arithmetic.
export bindir=/suite tsdir=/suite/testsuite VERBOSE=
links=/suite/links
mkdir $links
for applet in $(/suite/busybox --list); do ln -s /suite/busybox "$links/$applet"; done
OPTIONFLAGS=:$(sed -nr 's/^CONFIG_([^=]*)=.*/\1/p' /suite/.config | tr '\n' ':')
export OPTIONFLAGS
PATH=$links:$tsdir:$bindir:$PATH
for applet in $(/suite/busybox --list); do
    [ "$applet" = bc ] && continue
    cd $tsdir || exit 1
    [ -f "$applet.tests" ] && timeout -k 2 60 "./$applet.tests" 2>&1 </dev/null
    for test in "$applet"/*; do
        [ -f "$test" ] || continue
        mkdir -p /tmp/case
        cd /tmp/case || exit 1
        if d=$tsdir timeout -k 2 20 sh -x -e "$tsdir/$test" >/dev/null 2>&1 </dev/null; then
            echo "PASS: $test"
        else
            echo "FAIL: $test"
        fi
        cd $tsdir || exit 1
        rm -rf /tmp/case
    done
done
cd /suite/shell/ash_test || exit 1
for directory in ash-*; do
    timeout -k 2 100 ./run-all "$directory" 2>&1 </dev/null
done
exit 0
