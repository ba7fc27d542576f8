#!/usr/bin/env python3
"""Writes the symbol table that a panic reads: symbols.py NM KERNEL OUT.S

The kernel is linked twice. After the first time its symbols are known; this makes them an assembly
file whose section comes last in the image, so that the second link moves none of them. The format is
that of kernel/core/symbols.cpp: magic, count, (address, name offset) sorted, names.
"""

import subprocess
import sys

KERNEL_BASE = 0xFFFFFFFF80000000
MAGIC = 0x4D595358


def main():
    nm, kernel, out = sys.argv[1:4]
    listing = subprocess.run([nm, "--defined-only", "--demangle", kernel],
                             check=True, capture_output=True, text=True).stdout
    symbols = {}
    for line in listing.splitlines():
        address, kind, name = line.split(" ", 2)
        if kind.lower() in "tdbr" and int(address, 16) >= KERNEL_BASE:
            symbols.setdefault(int(address, 16) - KERNEL_BASE, name)
    with open(out, "w", encoding="ascii") as table:
        table.write('    .section .symbols, "a"\n    .balign 8\n')
        table.write(f"    .long {MAGIC}, {len(symbols)}\n")
        offset = 0
        for address, name in sorted(symbols.items()):
            table.write(f"    .long {address}, {offset}\n")
            offset += len(name) + 1
        for _, name in sorted(symbols.items()):
            escaped = name.replace("\\", "\\\\").replace('"', '\\"')
            table.write(f'    .asciz "{escaped}"\n')


if __name__ == "__main__":
    main()
