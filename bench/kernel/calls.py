#!/usr/bin/env python3
"""Instructions of system calls: bench/kernel/calls.cpp under -icount in Exo-OS and in Linux.

  calls.py [--image FILE]

Prints one JSON row a line. A row's target is the better of Debian's Linux and Linux tuned.
"""

import argparse
import json
import os

import guest

PROGRAM = os.path.join(guest.ROOT, "build/user/bench/kernel/bench_calls")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", metavar="FILE", help="another kernel image of Exo-OS")
    arguments = parser.parse_args()
    figures = {}
    for kernel in guest.KERNELS:
        made = guest.options(kernel, arguments.image, qemu=guest.INSTRUCTIONS)
        text = guest.run(made, ["/calls"], [(PROGRAM, "/calls")])
        figures[kernel] = dict(line.split("\t") for line in text.splitlines())
    for name, value in figures.pop("exo").items():
        peers = {kernel: float(rows[name]) for kernel, rows in figures.items()}
        print(json.dumps({"name": f"calls.{name}", "unit": "instructions", "better": "lower",
                          "value": float(value), "p99": 0, "target": min(peers.values()),
                          "peers": peers, "rule": "the better Linux", "note": ""}), flush=True)


if __name__ == "__main__":
    main()
