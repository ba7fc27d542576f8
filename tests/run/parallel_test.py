#!/usr/bin/env python3
"""CPUs shared by programs: parallel_test.py

As many hogs as CPUs: the processor time they get is that many times the time that passes in the
guest. Wall time says the same. A sleeper among hogs wakes in time, by the guest's clock: within
GOOD_US, or at most LATE_SHARE times as late as under Linux just before. Both of these are judged by
runs beside which the host did nothing else; if there is none in TRIES, they are told only.
"""

import os
import resource
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLEEPER = "build/user/tests/run/responsive"
# How much of each CPU the hogs must get, and how late the 99th of 100 wake-ups may be.
SHARE = 0.8
GOOD_US = 5_000
LATE_SHARE = 1.2
SPEED_UP = 1.5
# CPUs' worth of work that others do on a quiet host.
OTHERS = 0.1
TRIES = 4
HOG = "awk 'BEGIN { while (i < 300000) i++ }'"


class Host:
    """What the host did besides ours in a `with` block."""

    @staticmethod
    def times():
        with open("/proc/stat", encoding="ascii") as stat:
            user, nice, system, _, _, irq, softirq, steal = map(int, stat.readline().split()[1:9])
        all_busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        ours = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
        return time.monotonic(), all_busy - sum(usage.ru_utime + usage.ru_stime for usage in ours)

    def __enter__(self):
        self.began, self.others_before = self.times()
        return self

    def __exit__(self, *_):
        ended, others = self.times()
        self.quiet = others - self.others_before < OTHERS * (ended - self.began)


def run(cpus, command, files=(), kernel="exo"):
    arguments = [word for file in files for word in ("--file", file)]
    done = subprocess.run(["./exo", "run", "--kernel", kernel, "--image", "busybox", "--cpus", str(cpus), "--timeout", "120",
                           *arguments, "--", "sh", "-c", command],
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


def told(what):
    print(f"        {what}; the host is busy: not judged", flush=True)
    return 0


def check_hogs(cpus):
    best = 0.0
    for _ in range(TRIES):
        elapsed, used = hog(cpus, cpus)
        best = max(best, used / elapsed)
        if best >= SHARE * cpus:
            break
    return check(f"{cpus} hogs on {cpus} CPUs run {best:.2f} at a time", SHARE * cpus <= best <= 1.05 * cpus)


def check_speed_up():
    quiet_runs = []
    for _ in range(TRIES):
        with Host() as host:
            speed_up = hog(1, 2)[0] / hog(2, 2)[0]
        if host.quiet:
            quiet_runs.append(speed_up)
        if speed_up >= SPEED_UP:
            break
    what = f"2 hogs on 2 CPUs are {speed_up:.2f} times as fast as on 1"
    return check(what, speed_up >= SPEED_UP) if quiet_runs or speed_up >= SPEED_UP else told(what)


def check_sleeper(cpus):
    failed_quietly = None
    for _ in range(TRIES):
        with Host() as host:
            linux, late = lateness(cpus, "linux"), lateness(cpus, "exo")
        limit = max(GOOD_US, LATE_SHARE * linux[0])
        what = (f"a sleeper beside 4 hogs on {cpus} CPUs: 99 % at most {late[0]} us late, all {late[1]} us; "
                f"Linux {linux[0]} and {linux[1]} us (limit {limit:.0f})")
        if late[0] <= limit:
            return check(what, True)
        if host.quiet:
            failed_quietly = what
    return check(failed_quietly, False) if failed_quietly else told(what)


def main():
    failed = sum(check_hogs(cpus) for cpus in (1, 2, 4))
    failed += check_speed_up()
    failed += sum(check_sleeper(cpus) for cpus in (1, 2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
