#!/bin/bash
# Workloads that the predictor is judged on and was not chosen on: they were recorded once, after it
# was fixed. Do not tune on them; for tuning record others.
#
#   sudo tools/sched/record.py --name heldout_archive --seconds 20 -o heldout_archive.trace \
#       -- tools/sched/heldout.sh archive
#   sudo tools/sched/record.py --name heldout_mixed --seconds 12 -o heldout_mixed.trace \
#       -- tools/sched/heldout.sh mixed
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

# What an installer and a backup do: Python's own tools over its library, archives by tar, xz and
# zstd, check sums, searches, a small data base.
archive() {
    local library
    library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    mkdir "$scratch/tree"
    cp -r "$library/json" "$library/email" "$library/asyncio" "$library/unittest" "$scratch/tree"
    python3 -m compileall -q -f -j 2 "$scratch/tree"
    python3 -m venv --without-pip "$scratch/venv"
    python3 -m zipfile -c "$scratch/tree.zip" "$scratch/tree"
    tar -C /usr/include -cf - . | xz -1 -T 2 >"$scratch/include.tar.xz"
    xz -dc "$scratch/include.tar.xz" | tar -C "$scratch/tree" -xf -
    tar -C "$scratch/tree" -cf - . | zstd -q -T2 -3 -o "$scratch/tree.tar.zst"
    find "$scratch/tree" -name '*.h' -print0 | xargs -0 -n 200 -P 2 sha256sum >"$scratch/sums"
    find "$scratch/tree" -type f -exec grep -l 'define' {} + | sort | wc -l
    sqlite3 "$scratch/files.db" 'create table sums(line text)' ".import $scratch/sums sums" \
        'create index by_line on sums(line)' 'select count(distinct line) from sums'
    python3 - "$scratch/sums" <<'PYTHON'
import collections, json, sys
lines = [line.split() for line in open(sys.argv[1])]
names = collections.Counter(name.rsplit("/", 1)[-1] for _, name in lines)
print(len(json.dumps({"names": names, "sums": lines})))
PYTHON
}

# A server under load on a machine that builds something else, with another compiler than the
# recordings the predictor was chosen on.
mixed() {
    redis-server --port 7399 --dir "$scratch" --save '' --appendonly yes >/dev/null &
    server=$!
    cmake -S "$root" -B "$scratch/build" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 \
        -DCMAKE_ASM_COMPILER=clang-19 >/dev/null
    ninja -C "$scratch/build" -j 2 exo_sched sched_test >/dev/null &
    local build=$!
    for test in ping set get incr lpush lpop sadd hset spop zadd lrange_100 mset; do
        redis-benchmark -q -p 7399 -c 6 -n 500 -t "$test" >/dev/null
        sleep 0.2
    done
    wait "$build"
}

case ${1-} in
    archive) archive ;;
    mixed) mixed ;;
    *)
        echo "usage: $0 archive|mixed" >&2
        exit 2
        ;;
esac
