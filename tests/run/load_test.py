#!/usr/bin/env python3
"""Load for minutes: load_test.py [--kernel exo|linux] [--seconds N] [--only NAME]

hackbench (200 processes and 200 threads that talk through pipes, then through sockets) over and over, and
classes of stress-ng, each for N seconds (600) in a boot of its own with 4 CPUs. One fails if it ends with
anything but 0, finds what it verifies to be wrong, or if the kernel's log tells of trouble.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HACKBENCH = "end=$((SECONDS + {seconds})); while [ $SECONDS -lt $end ]; do hackbench {options} -g 5 -l 500 || exit; done"
STRESS = "stress-ng --{name} 4 --timeout {seconds} --verify --oomable"
LOADS = {
    "hackbench-processes-pipes": HACKBENCH.replace("{options}", "-P -p"),
    "hackbench-processes-sockets": HACKBENCH.replace("{options}", "-P"),
    "hackbench-threads-pipes": HACKBENCH.replace("{options}", "-T -p"),
    **{name: STRESS.replace("{name}", name)
       for name in ("cpu", "vm", "fork", "pipe", "futex", "signal", "mmap", "switch", "pthread", "eventfd", "poll")},
}
# In the kernel's log, and in what stress-ng says ("fail" of a call that should not; what was verified).
TROUBLE = re.compile(r"PANIC|out of memory:|\bstress-ng: fail|verification failed|corrupt", re.IGNORECASE)
GRACE = 120  # for the boot, and what is still under way when the time is over


def run(kernel, command, seconds):
    """What is wrong, as lines."""
    with tempfile.NamedTemporaryFile("r", errors="replace") as console:
        done = subprocess.run(["./exo", "run", "--kernel", kernel, "--image", "debian-load", "--cpus", "4", "--memory", "2G",
                               "--timeout", str(seconds + GRACE), "--console", console.name,
                               "--", "bash", "-c", command.replace("{seconds}", str(seconds))],
                              cwd=ROOT, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
        said = (done.stdout + done.stderr).splitlines()
        wrong = [line for line in said + console.read().splitlines() if TROUBLE.search(line)]
    if done.returncode:
        wrong += [f"ended with {done.returncode}", *said[-10:]]
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="exo")
    parser.add_argument("--seconds", type=int, default=600, help="each (default 600)")
    parser.add_argument("--only", default="", help="loads whose names match this regular expression")
    options = parser.parse_args()
    chosen = {name: command for name, command in LOADS.items() if re.search(options.only, name)}
    failed = 0
    for name, command in chosen.items():
        began = time.monotonic()
        wrong = run(options.kernel, command, options.seconds)
        failed += bool(wrong)
        print(f"{'FAILED ' if wrong else 'ok     '} {name} ({time.monotonic() - began:.0f} s)", *wrong, sep="\n        ", flush=True)
    print(f"{len(chosen)} loads, {failed} failures")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
