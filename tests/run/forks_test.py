#!/usr/bin/env python3
"""Many processes: forks_test.py [--forks N] [--cpus N]

A thousand at once, then N forks (100,000) one after the other: the kernel has as much free memory afterwards as
before.
"""

import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AT_ONCE = 1000
ALL_NUMBERS = 40_000  # forks after which numbers of processes have come round: the table of them is as large as it gets
MOST_GROWTH_KB = 256
SCRIPT = """
free_kb() { awk '/^MemFree/ {print $2}' /proc/meminfo; }
forks() { n=0; while [ $n -lt $1 ]; do (:); n=$((n + 1)); done; }
many() {
    n=0; while [ $n -lt %d ]; do sleep 1000 & n=$((n + 1)); done
    echo processes $(ls -d /proc/[0-9]* | wc -l)
    killall sleep; wait
}
many 2>/dev/null; forks %d; echo before $(free_kb); many 2>/dev/null; echo between $(free_kb); forks %d; echo after $(free_kb)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forks", type=int, default=100_000)
    parser.add_argument("--cpus", type=int, default=2)
    options = parser.parse_args()
    done = subprocess.run(["./exo", "run", "--image", "busybox", "--cpus", str(options.cpus), "--timeout", "1500", "--", "sh", "-c",
                           SCRIPT % (AT_ONCE, ALL_NUMBERS, options.forks)],
                          cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    print(done.stdout, done.stderr, sep="", end="")
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    wrong = []
    if done.returncode or "after" not in said:
        wrong.append(f"ended with {done.returncode}")
    else:
        if int(said["processes"]) < AT_ONCE:
            wrong.append(f"{said['processes']} processes at once, {AT_ONCE} were started")
        for name in ("between", "after"):
            lost = int(said["before"]) - int(said[name])
            if lost > MOST_GROWTH_KB:
                wrong.append(f"{lost} KiB less are free {name}")
    print(*(f"FAILED  {line}" for line in wrong), sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
