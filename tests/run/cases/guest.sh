#!/bin/sh
# guest.sh SHELL SECONDS: runs every case in /cases/list with that shell, each in an empty directory and within so many
# seconds; prints for each a line "\001NAME EXIT-CODE BYTES SECONDS" and its output.
PATH=$PATH:/cases
for case in /cases/list/*; do
    mkdir -p /tmp/case
    cd /tmp/case || exit 1
    began=$(cut -d. -f1 /proc/uptime)
    timeout -k 2 "$2" "$1" "$case" >/tmp/output 2>&1 </dev/null
    code=$?
    printf '\001%s %d %d %d\n' "${case##*/}" $code "$(wc -c </tmp/output)" $(($(cut -d. -f1 /proc/uptime) - began))
    cat /tmp/output
    cd /
    rm -rf /tmp/case
done
