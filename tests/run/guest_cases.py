"""Cases of shell commands, run in one boot of Debian's Linux and in one of Exo-OS, beside each other.

A file of cases has "@ [rc=N] SUBJECT..." and below it the lines of a shell script. Output and exit code must be the same
under both; the exit code (0 unless rc=N) and the absence of what a missing command answers are asked of Linux too, so that
two failures are not taken for agreement.
"""

import argparse
import concurrent.futures
import difflib
import glob
import os
import re
import subprocess
import tempfile
import typing

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BOOT_SECONDS = 600
LEFT_OUT = "left_out"  # a file beside those of cases, for who has one


class Suite(typing.NamedTuple):
    """A directory of cases, the image they run in, and what that image's shell says of what is not there."""
    directory: str
    image: str
    shell: str
    case_seconds: int
    hollow: tuple[bytes, ...]
    differing: tuple[tuple[bytes, bytes], ...] = ()  # (pattern, replacement) for what no two boots have in common


class Case:
    def __init__(self, source, header, number):
        words = header[1:].split()
        self.code = 0
        if words and words[0].startswith("rc="):
            self.code = int(words.pop(0)[3:])
        self.subjects = words
        # Guests run cases in the order of their names.
        self.name = f"{source}-{number:03}-{words[0].replace('[', 'bracket')}"
        self.lines = []

    def script(self):
        return "\n".join(self.lines) + "\n"


def read_cases(suite):
    cases = []
    for path in sorted(glob.glob(f"{suite.directory}/*.txt")):
        source = os.path.basename(path)[:-len(".txt")]
        if source == LEFT_OUT:
            continue
        with open(path, encoding="utf-8") as file:
            for line in file.read().splitlines():
                if line.startswith("@"):
                    cases.append(Case(source, line, len(cases)))
                elif cases and cases[-1].name.startswith(source + "-"):
                    cases[-1].lines.append(line)
    return cases


def results(suite, kernel, cases):
    """{name: (exit code, output, seconds)} of one boot."""
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(f"{directory}/list")
        for case in cases:
            with open(f"{directory}/list/{case.name}", "w", encoding="utf-8") as file:
                file.write(case.script())
        done = subprocess.run(["./exo", "run", "--kernel", kernel, "--image", suite.image, "--cpus", "2", "--timeout", str(BOOT_SECONDS),
                               "--file", f"{directory}/list:/cases/list",
                               "--file", f"{HERE}/cases/guest.sh:/cases/guest.sh", "--file", f"{HERE}/cases/soon:/cases/soon",
                               "--", "sh", "/cases/guest.sh", suite.shell, str(suite.case_seconds)],
                              cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        print(f"{kernel}: ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    found, rest = {}, done.stdout
    while rest.startswith(b"\x01"):
        header, _, rest = rest.partition(b"\n")
        name, code, size, seconds = header[1:].split()
        output = rest[:int(size)]
        for pattern, replacement in suite.differing:
            output = re.sub(pattern, replacement, output)
        found[name.decode()] = (int(code), output, int(seconds))
        rest = rest[int(size):]
    return found


def complaints(suite, case, linux, exo):
    """What is wrong with a case, as lines."""
    if linux is None or exo is None:
        return [f"  no result under {'Linux' if linux is None else 'Exo-OS'}"]
    wrong = []
    if linux[0] != case.code:
        wrong.append(f"  Linux ends with {linux[0]}, the case says {case.code}")
    wrong += [f"  Linux says {words.decode()!r}" for words in suite.hollow if words in linux[1]]
    if exo[0] != linux[0]:
        wrong.append(f"  Exo-OS ends with {exo[0]}, Linux with {linux[0]}")
    if exo[1] != linux[1]:
        wrong += ["  " + line for line in difflib.unified_diff(
            linux[1].decode(errors="replace").splitlines(), exo[1].decode(errors="replace").splitlines(),
            "Linux", "Exo-OS", n=1, lineterm="")]
    return wrong


def main(suite, description, also_wrong=lambda cases: []):
    """Runs the cases that the command line chooses; returns the exit code. `also_wrong(cases)`: complaints about the list."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name matches this regular expression")
    parser.add_argument("--show", action="store_true", help="prints what Linux answers")
    options = parser.parse_args()
    cases = read_cases(suite)
    failures = [f"FAILED  {line}" for line in also_wrong(cases)]
    failed = len(failures)
    chosen = [case for case in cases if re.search(options.only, case.name)]
    with concurrent.futures.ThreadPoolExecutor() as side_by_side:
        linux, exo = side_by_side.map(lambda kernel: results(suite, kernel, chosen), ("linux", "exo"))
    for case in chosen:
        lines = complaints(suite, case, linux.get(case.name), exo.get(case.name))
        title = f"{case.name} ({' '.join(case.subjects)})"
        if lines:
            failures += [f"FAILED  {title}", *lines]
        else:
            print(f"ok      {title} {linux[case.name][2]} s, {exo[case.name][2]} s")
        failed += bool(lines)
        if options.show and case.name in linux:
            print(linux[case.name][1].decode(errors="replace"))
    # Last, since of a long log the end is read.
    print("\n".join(failures), end="\n" if failures else "")
    print(f"{len(chosen)} cases, {failed} failures")
    return 1 if failed or not chosen else 0
