#!/usr/bin/env python3
"""Boots: from QEMU's start to the first program's first call, Exo-OS beside Debian's Linux.

  boot.py [--rounds N]

Same machine, same initrd, interleaved; the shortest of N boots counts. Also the time the kernel's
initialisation takes by its own clock, and what of 128 MiB is not free once a shell runs. Prints one JSON
row a line.
"""

import argparse
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import time

import guest

FIRST = os.path.join(guest.ROOT, "build/user/bench/kernel/bench_first")
PATIENCE = 60
ATTEMPTS = 3
MEMORY_MIB = 128


def machine_options(kernel, verbose=False):
    made = guest.options(kernel, memory=f"{MEMORY_MIB}M")
    made.verbose = verbose
    return made


def boot(made, initrd):
    """Seconds to the first program's first call, and what the console said. A boot that fails is
    repeated: on a busy machine Linux finds its timer too late, and panics."""
    for _ in range(ATTEMPTS):
        seconds, console = try_boot(made, initrd)
        if seconds is not None:
            return seconds, console
    sys.exit(f"{made.kernel}: no first program in {ATTEMPTS} boots:\n{console[-2000:]}")


def try_boot(made, initrd):
    command = guest.machine.qemu(made, guest.machine.command_line(made, []), initrd, ["stdio,id=?"])
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"first" not in seen:
                if not selector.select(began + PATIENCE - time.monotonic()):
                    return None, seen.decode(errors="replace")
                piece = os.read(process.stdout.fileno(), 4096)
                if not piece:
                    return None, seen.decode(errors="replace")
                seen += piece
        return time.monotonic() - began, seen.decode(errors="replace")
    finally:
        process.kill()
        process.wait()


def used_mib(kernel):
    """What is not free when a shell runs: the kernel's, its programs' and their files'."""
    text = guest.run(machine_options(kernel), ["sh", "-c", "cat /proc/meminfo"])
    return MEMORY_MIB - int(re.search(r"^MemFree:\s+(\d+)", text, re.MULTILINE).group(1)) / 1024


def row(name, unit, value, target, peers, rule):
    print(json.dumps({"name": f"boot.{name}", "unit": unit, "better": "lower", "value": round(value, 4), "p99": 0,
                      "target": target and round(target, 4), "peers": peers, "rule": rule, "note": ""}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    times = {kernel: [] for kernel in guest.KERNELS}
    with tempfile.TemporaryDirectory(prefix="exo-bench-") as folder:
        initrd = os.path.join(folder, "initrd")
        with open(initrd, "wb") as file:
            guest.recipe.build(file, files=[(FIRST, "/init")])
        for _ in range(rounds):
            for kernel, measured in times.items():
                measured.append(boot(machine_options(kernel), initrd)[0])
        _, console = boot(machine_options("exo", verbose=True), initrd)
    best = {kernel: min(measured) for kernel, measured in times.items()}
    exo = best.pop("exo")
    row("first", "s", exo, min(best.values()) / 4, best, f"a quarter of the better Linux; the least of {rounds} boots")
    row("first.ratio", "ratio", exo / min(best.values()), 0.25, {}, "the same as a ratio")
    ready = re.search(r"ready after (\d+) us", console)
    row("kernel", "ms", int(ready.group(1)) / 1000, 300, {}, "300 ms by the kernel's own clock")
    row("memory", "MiB", used_mib("exo"), 16, {"linux": round(used_mib("linux"), 2)},
        f"16 of {MEMORY_MIB} MiB are not free once a shell runs: the kernel's, and more than that, the files' too")


if __name__ == "__main__":
    main()
