#!/usr/bin/env python3
"""Writes docs/coverage.md from abi/syscalls.def and from what the ABI tests call (tests/abi/calls.txt).

With --check, fails if it is not current, if calls.txt does not know all tests, and if a supported
call has fewer than MIN_TESTS tests of its own. Tests of wild pointers and the like go through all
calls and are counted in a column of their own.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "abi" / "syscalls.def"
PAGE = ROOT / "docs" / "coverage.md"
TESTS = ROOT / "tests" / "abi"
CALLS = TESTS / "calls.txt"
MIN_TESTS = 2
# These go through calls by the dozen, to see whether they can be broken, not what they do.
HOSTILE = ("hostile", "wild")
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


def read_tests():
    """{call: ([tests], [hostile tests])} and all tests that calls.txt knows."""
    uses, tests = {}, set()
    for line in CALLS.read_text().splitlines():
        if line.startswith("#"):
            continue
        test, calls = line.split(":")
        tests.add(test)
        for call in calls.split():
            uses.setdefault(call, ([], []))[test.split("/")[0] in HOSTILE].append(test)
    return uses, tests


def tests_in_sources():
    """All, as calls.txt calls them, but for those that differences.txt lets fail."""
    allowed = {line.split(None, 1)[0] for line in (TESTS / "differences.txt").read_text().splitlines()
               if line and not line.startswith("#")}
    found = set()
    for source in TESTS.glob("*.cpp"):
        for name in re.findall(r"^ABI_TEST\((\w+)\)", source.read_text(), re.MULTILINE):
            found.add(f"{source.stem}/{name}")
    return found - allowed


def problems(entries, uses, recorded):
    """What --check complains of, beside a page that is not current."""
    for test in sorted(tests_in_sources() ^ recorded):
        yield f"{CALLS.relative_to(ROOT)} and the sources differ in {test}: run tests/abi/run.py --record"
    for entry in entries:
        count = len(uses.get(entry["name"], ((), ()))[0])
        if entry["support"] and count < MIN_TESTS:
            yield f"{entry['name']} is marked {entry['support'].lower()} and has {count} tests"


def page(entries, uses):
    full = [e for e in entries if e["support"] == "Full"]
    partial = [e for e in entries if e["support"] == "Partial"]
    lines = [
        "# System calls",
        "",
        "Generated from `abi/syscalls.def` and `tests/abi/calls.txt` by `tools/coverage.py`. Tests: those of",
        "the group `abi` that make the call, and of them the hostile ones, with wild pointers and the like.",
        "",
        f"Of {len(entries)} calls of Linux on x86-64: {len(full)} full, {len(partial)} partial, "
        f"{len(entries) - len(full) - len(partial)} not there (ENOSYS).",
        "",
        "| number | call | path | support | tests | hostile | what is missing |",
        "| ---: | --- | --- | --- | ---: | ---: | --- |",
    ]
    for entry in entries:
        path = (entry["path"] or "").lower()
        support = (entry["support"] or "none").lower()
        own, hostile = (len(tests) or "" for tests in uses.get(entry["name"], ((), ())))
        lines.append(
            f"| {entry['number']} | {entry['name']} | {path} | {support} | {own} | {hostile} "
            f"| {entry['text']} |"
        )
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: coverage.py [--check]")
    entries = read_table()
    uses, recorded = read_tests()
    text = page(entries, uses)
    if not sys.argv[1:]:
        PAGE.write_text(text)
        return
    wrong = list(problems(entries, uses, recorded))
    if not PAGE.exists() or PAGE.read_text() != text:
        wrong.append("docs/coverage.md is not current: run tools/coverage.py")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
