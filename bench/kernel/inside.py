#!/usr/bin/env python3
"""Instructions of the kernel's own primitives beside those of the core libraries in a program.

  inside.py [--check]

Boots the image exo-kernel-measure (kernel/instructions.cpp) twice under -icount, which must say the
same to the digit, and runs the libraries' loops (bench/kernel/core.cpp) in a guest of the same
machine. A row's target is the libraries' figure plus what the kernel must add, each addition measured
by itself or a bound that stands in ROWS. Prints one JSON row a line; with --check ends with 1 if one
misses its target.
"""

import json
import os
import re
import subprocess
import sys

import guest

PROGRAM = os.path.join(guest.ROOT, "build/user/bench/kernel/bench_core")
IMAGE = os.path.join(guest.ROOT, "build/freestanding/kernel/exo-kernel-measure")
LINE = re.compile(r"measure: (\S+) (\d+)$", re.MULTILINE)

# Row -> (figures of the libraries, additions that the kernel measures, instructions of the rest).
ROWS = {
    "ring": (["ring"], [], 14),
    "allocation": (["allocation"], [], 2),
    "switch": (["switch"], [], 1),
    "pick": (["pick"], [], 16),
    "check": (["check"], [], 8),
    "kernel.allocation": (["allocation"], [], 42),
    "kernel.switch": (["switch", "pick", "check"], ["add.interrupts", "add.lock", "add.clock", "add.timer"], 180),
}
RULES = {
    "ring": "the library's + a payload copied without vector registers, bounds checked (hardening)",
    "allocation": "the library's + bounds checked (hardening)",
    "switch": "the library's + the frame pointer",
    "pick": "the library's + frame pointers",
    "check": "the library's + frame pointers",
    "kernel.allocation": "the library's + the CPU's cache through GS, operator new and delete as calls, a size that the"
                         " compiler does not know, bounds checked",
    "kernel.switch": "switch, pick and check of the libraries + interrupts, lock, clock, slice timer + frame pointers,"
                     " accounting, time in programs told apart, affinity, a trace record, hints for other CPUs, per-CPU pointers,"
                     " checks of FPU, space, sleep, restartable sequences and the dead, bounds",
}


def boot():
    """What the kernel's tests print, in instructions."""
    command = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max,-erms", "-smp", "1", "-m", "128M",
               "-no-reboot", "-kernel", IMAGE, "-append", "exo.test=instructions", *guest.INSTRUCTIONS,
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-display", "none", "-serial", "stdio",
               "-monitor", "none"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    console = done.stdout.replace("\r", "")
    if done.returncode != 1:
        sys.exit(f"the kernel's tests ended with {done.returncode}:\n{console[-3000:]}")
    return {name: int(hundredths) / 100 for name, hundredths in LINE.findall(console)}


def main():
    inside, again = boot(), boot()
    if inside != again:
        sys.exit(f"two boots differ: {inside} and {again}")
    made = guest.options("exo", qemu=guest.INSTRUCTIONS)
    text = guest.run(made, ["/core"], [(PROGRAM, "/core")])
    outside = {name: int(hundredths) / 100 for name, hundredths in (line.split() for line in text.splitlines())}
    missed = 0
    for name, (parts, additions, rest) in ROWS.items():
        peers = {f"library.{part}": outside[part] for part in parts}
        peers.update({addition: inside[addition] for addition in additions})
        target = sum(outside[part] for part in parts) + sum(inside[each] for each in additions) + rest
        missed += inside[name] > target
        print(json.dumps({"name": f"inside.{name}", "unit": "instructions", "better": "lower",
                          "value": inside[name], "p99": 0, "target": round(target, 2), "peers": peers,
                          "rule": RULES.get(name, "the library's") + (f" ({rest})" if rest else ""), "note": ""}),
              flush=True)
    return 1 if missed and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
