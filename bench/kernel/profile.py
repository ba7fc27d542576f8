#!/usr/bin/env python3
"""Where an operation's instructions go: profile.py NAME [--lines FUNCTION] [--kernel-image FILE]

Boots Exo-OS with the operations of that name (a part of it; the first counts) under -icount, one instruction a
translated block, stops by gdb at the third batch and lets QEMU write down each instruction of it.
Prints how many of an operation were in which function; --lines: and how often each instruction
of one function ran.
"""

import argparse
import bisect
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile

import guest
import operations

KERNEL = os.path.join(guest.ROOT, "build/freestanding/kernel/exo-kernel")
PATIENCE = 300
TRACE = re.compile(r"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")


class Symbols:
    """Functions by address, of several programs."""

    def __init__(self, *files):
        self.places = []
        for file in files:
            listing = subprocess.run(["nm", "-C", "--defined-only", file], check=True, capture_output=True, text=True)
            for line in listing.stdout.splitlines():
                address, kind, name = line.split(" ", 2)
                if kind in "tTwW":
                    self.places.append((int(address, 16), name))
        self.places.sort()
        self.addresses = [address for address, _ in self.places]

    def name(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.places[at][1] if at >= 0 else "?"

    def address(self, part):
        return next(address for address, name in self.places if part in name)


def record(options, symbols, folder):
    """Boots, and leaves the trace of one batch in a file; its path and how many operations it was."""
    initrd, monitor, trace = (os.path.join(folder, name) for name in ("initrd", "gdb", "trace"))
    with open(initrd, "wb") as file:
        guest.recipe.build(file, files=[(operations.PROGRAM, "/init")])
    made = guest.options("exo", options.kernel_image, qemu=guest.INSTRUCTIONS + [
        "-singlestep", "-S", "-gdb", f"unix:{monitor},server=on,wait=off"])
    qemu = subprocess.Popen(operations.command(made, initrd, f"{folder}/console", options.name),
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    steps = [f"hbreak *{symbols.address('bench::(anonymous namespace)::measure('):#x}", "continue",
             "set $run = *(long*)($rdi + 8)", "hbreak *$run", "continue", "continue", "continue",
             'printf "batch %d\\n", (int)$rdi', f"monitor logfile {trace}", "monitor log exec,nochain", "continue",
             "monitor log none", "kill"]
    command = ["gdb", "-q", "-batch", "-nx", "-ex", "set architecture i386:x86-64",
               "-ex", f"target remote {monitor}"]
    for step in steps:
        command += ["-ex", step]
    try:
        while not os.path.exists(monitor) and qemu.poll() is None:
            pass
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    finally:
        qemu.send_signal(signal.SIGKILL)
        qemu.wait()
    batch = re.search(r"^batch (\d+)$", done.stdout, re.MULTILINE)
    if not batch or not os.path.exists(trace):
        sys.exit(f"no trace was taken:\n{done.stdout}{done.stderr}")
    return trace, int(batch.group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of an operation, or a part of it")
    parser.add_argument("--lines", metavar="FUNCTION", help="each instruction of the functions whose names contain it")
    parser.add_argument("--kernel-image", metavar="FILE", help="another kernel image of Exo-OS")
    options = parser.parse_args()
    symbols = Symbols(options.kernel_image or KERNEL, operations.PROGRAM)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="exo-profile-") as folder:
        trace, batch = record(options, symbols, folder)
        with open(trace, encoding="ascii", errors="replace") as file:
            for line in file:
                at = TRACE.match(line)
                if at:
                    counts[int(at.group(1), 16)] += 1
    by_function = collections.Counter()
    for address, count in counts.items():
        by_function[symbols.name(address)] += count
    print(f"{sum(counts.values()) / batch:9.1f}  an operation, of {batch}")
    for name, count in by_function.most_common(60):
        print(f"{count / batch:9.1f}  {name[:110]}")
    if options.lines:
        for address in sorted(counts):
            if options.lines in symbols.name(address):
                print(f"{counts[address] / batch:9.2f}  {address:x}  {symbols.name(address)[:60]}")


if __name__ == "__main__":
    main()
