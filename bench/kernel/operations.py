#!/usr/bin/env python3
"""Operations of Linux's ABI, Exo-OS beside Debian's Linux: bench/kernel/operations/ as the first program.

  operations.py instructions|time [--rounds N] [--cpus N] [--only TEXT] [--kernel-image FILE]

instructions  one CPU under -icount: a tick is an instruction. Each kernel is booted twice, and the
              boots must say the same to the digit.
time          one and two CPUs, ticks of the TSC, the least of N boots (5), kernels interleaved.

Prints a JSON row an operation: {"name", "mode", "exo", "linux", "linux_tuned", "ratio"}, the ratio to the
better Linux, with its target and, where a miss is understood, a note.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import guest

PROGRAM = os.path.join(guest.ROOT, "build/user/bench/kernel/bench_operations")
ROW = re.compile(r"^row\t([^\t\n]+)\t([0-9.]+)$", re.MULTILINE)
END = re.compile(r"^(?:end\t(\d+)|failed: .*)$", re.MULTILINE)
PATIENCE = {"instructions": 240, "time": 60}
ATTEMPTS = 3

# What a ratio is to be at most, beyond 1.0.
TARGETS = {
    "instructions": {
        "pipe round trip, processes": 0.38,
        "pipe bandwidth, 64 KiB": 0.38,
        "thread switch": 0.3,
        "fork, exit, wait, 256 MiB touched": 0.1,
    },
    "time": {},
}


def notes(mode):
    """Operation -> why it misses, from misses.json beside this file."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "misses.json"), encoding="utf-8") as file:
        return json.load(file).get(mode, {})


def command(made, initrd, console, part):
    """QEMU's, with the operations whose names contain `part` as its first program."""
    words = ["nokaslr"] if made.kernel == "linux" else []
    line = guest.machine.command_line(made, words) + (f" -- only={part.replace(' ', '_')}" if part else "")
    return guest.machine.qemu(made, line, initrd, [f"file,id=?,path={console}"])


def try_boot(made, initrd, patience, part):
    """What the first program said, or None and the console if it did not come to its end."""
    with tempfile.NamedTemporaryFile(prefix="exo-bench-") as console:
        process = subprocess.Popen(command(made, initrd, console.name, part), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + patience
        try:
            while True:
                ended = process.poll() is not None
                with open(console.name, encoding="utf-8", errors="replace") as file:
                    text = file.read().replace("\r", "")
                over = END.search(text)
                if over:
                    rows = {name: float(value) for name, value in ROW.findall(text)}
                    return (rows if over.group(1) == "0" else None), text
                if ended or time.monotonic() > deadline:
                    return None, text
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait()


def boot(kernel, initrd, mode, cpus, options):
    made = guest.options(kernel, options.kernel_image, cpus=cpus,
                         qemu=guest.INSTRUCTIONS if mode == "instructions" else ())
    for _ in range(ATTEMPTS):
        began = time.monotonic()
        rows, console = try_boot(made, initrd, PATIENCE[mode], options.only)
        if rows:
            print(f"   {kernel}, {cpus} CPU{'s'[:cpus - 1]}: {len(rows)} operations, {time.monotonic() - began:.0f} s",
                  file=sys.stderr, flush=True)
            return rows
    sys.exit(f"{kernel}: not to the end in {ATTEMPTS} boots:\n{console[-2000:]}")


def least(measured):
    """The least of several boots, by operation."""
    return {name: min(rows[name] for rows in measured) for name in measured[0]}


def instructions(initrd, options):
    """Kernel -> operation -> instructions."""
    figures = {}
    for kernel in guest.KERNELS:
        first, again = (boot(kernel, initrd, "instructions", 1, options) for _ in range(2))
        differing = {name: (value, again[name]) for name, value in first.items() if again[name] != value}
        if differing:
            sys.exit(f"{kernel}: two boots under -icount differ: {differing}")
        figures[kernel] = first
    return figures


def times(initrd, cpus, options):
    """Kernel -> operation -> ticks, the least of all rounds."""
    measured = {kernel: [] for kernel in guest.KERNELS}
    for _ in range(options.rounds):
        for kernel, boots in measured.items():
            boots.append(boot(kernel, initrd, "time", cpus, options))
    return {kernel: least(boots) for kernel, boots in measured.items()}


def print_rows(figures, mode, label, unit):
    reasons = notes(label)
    for name, exo in figures["exo"].items():
        linux, tuned = figures["linux"][name], figures["linux tuned"][name]
        print(json.dumps({"name": name, "mode": label, "exo": exo, "linux": linux, "linux_tuned": tuned,
                          "ratio": round(exo / min(linux, tuned), 4), "unit": unit,
                          "target": TARGETS[mode].get(name, 1.0), "note": reasons.get(name, "")}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["instructions", "time"])
    parser.add_argument("--rounds", type=int, default=5, help="boots of each kernel (mode time)")
    parser.add_argument("--cpus", type=int, action="append", help="mode time: 1, 2 (default both)")
    parser.add_argument("--only", default="", metavar="TEXT", help="operations whose names contain it")
    parser.add_argument("--kernel-image", metavar="FILE", help="another kernel image of Exo-OS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exo-bench-") as folder:
        initrd = os.path.join(folder, "initrd")
        with open(initrd, "wb") as file:
            guest.recipe.build(file, files=[(PROGRAM, "/init")])
        if options.mode == "instructions":
            print_rows(instructions(initrd, options), "instructions", "instructions", "instructions")
            return
        for cpus in options.cpus or (1, 2):
            label = f"time, {cpus} CPU{'s'[:cpus - 1]}"
            print_rows(times(initrd, cpus, options), "time", label, "TSC ticks")


if __name__ == "__main__":
    main()
