#!/usr/bin/env python3
"""Real programs under the allocator, beside glibc's, jemalloc's and mimalloc's.

  programs.py BUILD [--rounds N]

Each program runs N times under each allocator, taking turns; a row has the shortest time and the
median of the peak memory. The hit rates are those of the first run with libexo_alloc.so, summed over
all processes of the program (EXO_ALLOC_STATS). Prints one JSON row a line, as the programs in C++ do.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PYTHON = "/usr/bin/python3"
PYTHON_TESTS = ["test_json", "test_dict", "test_re", "test_collections", "test_array", "test_bytes",
                "test_zlib", "test_ast"]
CXX_SOURCE = """
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
int main(int argc, char** argv) {
    std::map<std::string, std::vector<std::regex>> m;
    std::unordered_map<std::string, int> n;
    for (int i = 0; i < argc; ++i) {
        m[argv[i]].push_back(std::regex(argv[i]));
        ++n[argv[i]];
    }
    std::vector<std::pair<std::string, int>> v(n.begin(), n.end());
    std::sort(v.begin(), v.end());
    for (auto& [k, c] : v) std::cout << k << c << m[k].size();
}
"""


def preload_for(build):
    """Allocator -> what to preload. glibc by name: redis-server is linked against jemalloc."""
    exo = os.path.abspath(os.path.join(build, "lib/alloc/libexo_alloc.so"))
    return {"exo": exo, "glibc": "libc.so.6", "jemalloc": "libjemalloc.so.2",
            "mimalloc": "libmimalloc.so.2"}


def environment(preload, stats=None):
    env = dict(os.environ, LD_PRELOAD=preload)
    if stats:
        env.update(EXO_ALLOC_STATS="1", EXO_ALLOC_STATS_FILE=stats)
    return env


def timed(command, env, cwd):
    """(seconds, peak bytes) of a command that must succeed, the largest of its processes counting."""
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        child = subprocess.Popen(command, env=env, cwd=cwd, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            output.seek(0)
            sys.stderr.buffer.write(output.read()[-4000:])
            sys.exit(f"programs: {' '.join(command)} ended with {child.returncode}")
    return seconds, usage.ru_maxrss * 1024


def run_python(env, folder):
    return timed([PYTHON, "-m", "test", "-q", *PYTHON_TESTS], env, folder)


def run_gxx(env, folder):
    source = os.path.join(folder, "source.cpp")
    with open(source, "w", encoding="ascii") as file:
        file.write(CXX_SOURCE)
    # Through a shell, so that the peak is that of all its processes (ru_maxrss of waited-for ones).
    compile_twice = f"g++ -O2 -std=c++17 -c {source} -o {folder}/a.o && " \
                    f"g++ -g -std=c++20 -c {source} -o {folder}/b.o"
    return timed(["/bin/sh", "-c", compile_twice], env, folder)


def peak_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024


def run_redis(env, folder):
    socket = os.path.join(folder, "redis.sock")
    # The package redis-server is this one program, under that name, and a service that would start.
    program = os.path.join(folder, "redis-server")
    if not os.path.lexists(program):
        os.symlink(shutil.which("redis-check-rdb"), program)
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
        env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while subprocess.run(["redis-cli", "-s", socket, "ping"], capture_output=True,
                             check=False).stdout != b"PONG\n":
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("programs: redis-server does not answer")
            time.sleep(0.02)
        begin = time.monotonic()
        subprocess.run(["redis-benchmark", "-s", socket, "-q", "-n", "100000", "-r", "100000", "-d",
                        "100", "-P", "16", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,mset"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - begin
        peak = peak_of(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        if server.wait(timeout=30) != 0:
            sys.exit("programs: redis-server did not end well")
    return seconds, peak


def emit(name, unit, value, peers=None, target=None, rule="", better="lower", note=""):
    print(json.dumps({"name": name, "unit": unit, "better": better, "value": value, "p99": 0,
                      "target": target, "peers": peers or {}, "rule": rule, "note": note}),
          flush=True)


def program_rows(name, run, preloads, rounds):
    times = {peer: [] for peer in preloads}
    peaks = {peer: [] for peer in preloads}
    hits = {}
    for index in range(rounds):
        for peer, preload in preloads.items():
            with tempfile.TemporaryDirectory() as folder:
                stats = os.path.join(folder, "stats") if peer == "exo" and index == 0 else None
                seconds, peak = run(environment(preload, stats), folder)
                if stats:
                    hits = sum_stats(stats)
            times[peer].append(seconds)
            peaks[peer].append(peak)
        print(f"{name}: round {index + 1} of {rounds}", file=sys.stderr)
    best = {peer: min(values) for peer, values in times.items()}
    peak = {peer: statistics.median(values) / 1e6 for peer, values in peaks.items()}
    emit(f"alloc.{name}.time", "s", best.pop("exo"), best)
    emit(f"alloc.{name}.memory", "MB", peak.pop("exo"), peak)
    total = sum(hits.values())
    emit(f"alloc.hit.{name}.thread", "ratio", hits["thread"] / total, target=0.85,
         rule=">= 85 % from the thread cache", better="higher")
    emit(f"alloc.hit.{name}.total", "ratio", (hits["thread"] + hits["slab"]) / total, target=0.95,
         rule=">= 95 % from thread cache and slabs", better="higher")


def sum_stats(path):
    hits = {"thread": 0, "slab": 0, "buddy": 0}
    with open(path, encoding="utf-8") as file:
        for line in file:
            process = json.loads(line)
            for level in hits:
                hits[level] += process[level]
    return hits


def fragmentation_row(build, preloads, kind, **row):
    stress = os.path.join(build, "bench/core/alloc/alloc_stress")
    values = {}
    for peer, preload in preloads.items():
        done = subprocess.run([stress, kind], env=environment(preload), check=True,
                              stdout=subprocess.PIPE, text=True)
        values[peer] = json.loads(done.stdout)["fragmentation"]
        print(f"stress {kind}: {peer}", file=sys.stderr)
    emit(value=values.pop("exo"), peers=values, unit="ratio", **row)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    preloads = preload_for(arguments.build)
    fragmentation_row(arguments.build, preloads, "small", name="alloc.fragmentation", target=0.05,
                      rule="< 5 % of what is resident is not live payload")
    fragmentation_row(arguments.build, preloads, "wide", name="alloc.fragmentation.wide")
    program_rows("python3", run_python, preloads, arguments.rounds)
    program_rows("redis", run_redis, preloads, arguments.rounds)
    program_rows("gxx", run_gxx, preloads, arguments.rounds)


if __name__ == "__main__":
    main()
