#!/usr/bin/env python3
"""Writes docs/coverage.md from abi/syscalls.def; with --check, fails if it is not current."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "abi" / "syscalls.def"
PAGE = ROOT / "docs" / "coverage.md"
ENTRY = re.compile(
    r'^EXO_(?P<no>NO_)?CALL\((?P<number>\d+), (?P<name>\w+), '
    r'(?:k(?P<path>\w+), k(?P<support>\w+), )?"(?P<text>[^"]*)"\)$'
)


def read_table():
    """All entries in order of number; a line that is neither comment nor entry is an error."""
    entries = []
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line or line.startswith("//"):
            continue
        entry = ENTRY.match(line)
        if entry is None or (entry["no"] is None) != (entry["path"] is not None):
            sys.exit(f"{TABLE}:{number}: not an entry: {line}")
        entries.append(entry)
    return sorted(entries, key=lambda entry: int(entry["number"]))


def page(entries):
    full = [e for e in entries if e["support"] == "Full"]
    partial = [e for e in entries if e["support"] == "Partial"]
    lines = [
        "# System calls",
        "",
        "Generated from `abi/syscalls.def` by `tools/coverage.py`.",
        "",
        f"Of {len(entries)} calls of Linux on x86-64: {len(full)} full, {len(partial)} partial, "
        f"{len(entries) - len(full) - len(partial)} not there (ENOSYS).",
        "",
        "| number | call | path | support | what is missing |",
        "| ---: | --- | --- | --- | --- |",
    ]
    for entry in entries:
        path = (entry["path"] or "").lower()
        support = (entry["support"] or "none").lower()
        lines.append(
            f"| {entry['number']} | {entry['name']} | {path} | {support} | {entry['text']} |"
        )
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: coverage.py [--check]")
    text = page(read_table())
    if not sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("docs/coverage.md is not current: run tools/coverage.py")


if __name__ == "__main__":
    main()
