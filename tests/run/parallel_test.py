#!/usr/bin/env python3
"""CPUs shared by programs: parallel_test.py

As many hogs as CPUs: the processor time they get is that many times the time that passes in the
guest. Wall time says the same only where the host is quiet, and is asked then. A sleeper among
hogs wakes in time; on a busy host, which itself is late, at most LATE_SHARE times as late as under
Linux in the same minute.
"""

import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLEEPER = "build/user/tests/run/responsive"
# How much of each CPU the hogs must get, and how late the 99th of 100 wake-ups may be.
SHARE = 0.8
LATE_US = 20_000
LATE_SHARE = 1.5
SPEED_UP = 1.5
# The load besides our own machine up to which wall time means something.
QUIET_LOAD = 0.5
TRIES = 3
HOG = "awk 'BEGIN { while (i < 600000) i++ }'"


def run(cpus, command, files=(), kernel="exo"):
    arguments = [word for file in files for word in ("--file", file)]
    done = subprocess.run(["./exo", "run", "--kernel", kernel, "--cpus", str(cpus), "--timeout", "120", *arguments, "--", "sh", "-c", command],
                          cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise RuntimeError(f"{cpus} CPUs: ended with {done.returncode}: {done.stdout} {done.stderr}")
    return done.stdout


def hog(cpus, hogs):
    """(seconds that passed, CPU seconds that the hogs got), by the guest's clocks."""
    command = f"time -f '%e %U %S' sh -c '{' & '.join([HOG.replace(chr(39), chr(34))] * hogs)} & wait' 2>&1"
    elapsed, user, system = (float(word) for word in run(cpus, command).split()[-3:])
    return elapsed, user + system


def lateness(cpus, kernel):
    """Microseconds that 99 % of the wake-ups among 4 hogs were late at most, and all."""
    words = run(cpus, "/responsive 4 300", [f"{SLEEPER}:/responsive"], kernel).split()
    return int(words[1]), int(words[2])


def check(what, good):
    print(f"{'ok     ' if good else 'FAILED '} {what}", flush=True)
    return not good


def main():
    failed = 0
    for cpus in (1, 2, 4):
        best = 0.0
        for _ in range(TRIES):
            elapsed, used = hog(cpus, cpus)
            best = max(best, used / elapsed)
            if best >= SHARE * cpus:
                break
        failed += check(f"{cpus} hogs on {cpus} CPUs run {best:.2f} at a time", SHARE * cpus <= best <= 1.05 * cpus)
    if os.getloadavg()[0] < QUIET_LOAD:
        one, two = min(hog(1, 2)[0] for _ in range(2)), min(hog(2, 2)[0] for _ in range(2))
        failed += check(f"2 hogs on 2 CPUs are {one / two:.2f} times as fast as on 1", one / two >= SPEED_UP)
    else:
        print("        the host is busy: wall time is not judged")
    for cpus in (1, 2):
        for _ in range(TRIES):
            late, worst = lateness(cpus, "exo")
            limit = LATE_US
            if late > limit and os.getloadavg()[0] >= QUIET_LOAD:
                limit = max(limit, LATE_SHARE * lateness(cpus, "linux")[0])
            if late <= limit:
                break
            time.sleep(1)
        failed += check(f"a sleeper beside 4 hogs on {cpus} CPUs: 99 % at most {late} us late, all {worst} us (limit {limit:.0f})",
                        late <= limit)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
