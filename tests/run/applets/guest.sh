#!/bin/sh
# Runs every case in /applets/cases, each in an empty directory with 30 seconds; prints for each a
# line "\001NAME EXIT-CODE BYTES" and its output.
PATH=$PATH:/applets
for case in /applets/cases/*; do
    mkdir -p /tmp/case
    cd /tmp/case || exit 1
    timeout -k 2 30 sh "$case" >/tmp/output 2>&1 </dev/null
    code=$?
    printf '\001%s %d %d\n' "${case##*/}" $code "$(wc -c </tmp/output)"
    cat /tmp/output
    cd /
    rm -rf /tmp/case
done
