#!/usr/bin/env python3
"""Applets of busybox beside Linux: applets_test.py [--only PART-OF-A-NAME] [--show]

The cases of applets/*.txt ("@ [rc=N] applet...", then shell lines) run in one boot of Debian's
Linux and in one of Exo-OS, and must give the same output and exit code. Every applet is in a case or,
with a reason, in applets/left_out.txt. The exit code (0 unless rc=N) and the absence of "not found"
and "not implemented" are asked of Linux too, so that two failures are not taken for agreement.
"""

import argparse
import difflib
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BOOT_SECONDS = 600
# busybox has no message for a command of its own that it lacks but these.
HOLLOW = (b"applet not found", b": not found", b"Function not implemented", b"Unknown applet")


class Case:
    def __init__(self, source, header, number):
        words = header[1:].split()
        self.code = 0
        if words and words[0].startswith("rc="):
            self.code = int(words.pop(0)[3:])
        self.applets = words
        # Guests run cases in the order of their names.
        self.name = f"{source}-{number:02}-{words[0].replace('[', 'bracket')}"
        self.lines = []

    def script(self):
        return "\n".join(self.lines) + "\n"


def read_cases():
    cases = []
    for path in sorted(glob.glob(f"{HERE}/applets/*.txt")):
        source = os.path.basename(path)[:-len(".txt")]
        if source == "left_out":
            continue
        with open(path, encoding="utf-8") as file:
            for line in file.read().splitlines():
                if line.startswith("@"):
                    cases.append(Case(source, line, len(cases)))
                elif cases and cases[-1].name.startswith(source + "-"):
                    cases[-1].lines.append(line)
    return cases


def uncovered(cases):
    """Applets in neither list, and those in both or in none of busybox's."""
    listing = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    applets = set(listing.stdout.split())
    covered = {name for case in cases for name in case.applets}
    left_out = set()
    with open(f"{HERE}/applets/left_out.txt", encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                left_out |= set(line.partition(":")[2].split())
    wrong = [f"{name}: neither tested nor left out" for name in sorted(applets - covered - left_out)]
    wrong += [f"{name}: tested and left out" for name in sorted(covered & left_out)]
    wrong += [f"{name}: not an applet" for name in sorted((covered | left_out) - applets)]
    return wrong


def results(kernel, cases, extra):
    """{name: (exit code, output)} of one boot."""
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(f"{directory}/cases")
        for case in cases:
            with open(f"{directory}/cases/{case.name}", "w", encoding="utf-8") as file:
                file.write(case.script())
        done = subprocess.run(["./exo", "run", "--kernel", kernel, "--image", "busybox", "--cpus", "2", *extra, "--timeout", str(BOOT_SECONDS),
                               "--file", f"{directory}/cases:/applets/cases",
                               "--file", f"{HERE}/applets/guest.sh:/applets/guest.sh",
                               "--file", f"{HERE}/applets/soon:/applets/soon",
                               "--", "sh", "/applets/guest.sh"],
                              cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        print(f"{kernel}: ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    found, rest = {}, done.stdout
    while rest.startswith(b"\x01"):
        header, _, rest = rest.partition(b"\n")
        name, code, size = header[1:].split()
        found[name.decode()] = (int(code), rest[:int(size)])
        rest = rest[int(size):]
    return found


def complaints(case, linux, exo):
    """What is wrong with a case, as lines."""
    if linux is None or exo is None:
        return [f"  no result under {'Linux' if linux is None else 'Exo-OS'}"]
    wrong = []
    if linux[0] != case.code:
        wrong.append(f"  Linux ends with {linux[0]}, the case says {case.code}")
    wrong += [f"  Linux says {words.decode()!r}" for words in HOLLOW if words in linux[1]]
    if exo[0] != linux[0]:
        wrong.append(f"  Exo-OS ends with {exo[0]}, Linux with {linux[0]}")
    if exo[1] != linux[1]:
        wrong += ["  " + line for line in difflib.unified_diff(
            linux[1].decode(errors="replace").splitlines(), exo[1].decode(errors="replace").splitlines(),
            "Linux", "Exo-OS", n=1, lineterm="")]
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cases whose name matches this regular expression")
    parser.add_argument("--show", action="store_true", help="prints what Linux answers")
    options = parser.parse_args()
    cases = read_cases()
    wrong = uncovered(cases)
    chosen = [case for case in cases if re.search(options.only, case.name)]
    linux, exo = results("linux", chosen, []), results("exo", chosen, [])
    failed = len(wrong)
    failures = [f"FAILED  {line}" for line in wrong]
    for case in chosen:
        lines = complaints(case, linux.get(case.name), exo.get(case.name))
        title = f"{case.name} ({' '.join(case.applets)})"
        if lines:
            failures += [f"FAILED  {title}", *lines]
        else:
            print(f"ok      {title}")
        failed += bool(lines)
        if options.show and case.name in linux:
            print(linux[case.name][1].decode(errors="replace"))
    # Last, since of a long log the end is read.
    print("\n".join(failures), end="\n" if failures else "")
    print(f"{len(chosen)} cases, {failed} failures")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
