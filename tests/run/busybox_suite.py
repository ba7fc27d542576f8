#!/usr/bin/env python3
"""busybox's own test-suite under Linux and Exo-OS: busybox_suite.py [--show]

Debian's source package busybox, fetched once into build/busybox, gives testsuite/ and
shell/ash_test; the binary is busybox-static's. Of the tests that pass under Linux at least
95 % must pass under Exo-OS.
"""

import argparse
import collections
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = f"{ROOT}/build/busybox"
STAGE = f"{BUILD}/stage"
SHARE = 0.95
# Fewer under Linux: the suite did not run, and a share of nothing says nothing.
LEAST = 1000
# For one kernel, under TCG and on a busy host; on a quiet one it takes a fifth.
SECONDS = 1800


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")


def fetch():
    """build/busybox/src, by apt with sources of its own: the system's may have no deb-src."""
    os.makedirs(f"{BUILD}/lists/partial", exist_ok=True)
    with open("/etc/os-release", encoding="utf-8") as file:
        codename = re.search(r"VERSION_CODENAME=(\w+)", file.read()).group(1)
    with open(f"{BUILD}/src.list", "w", encoding="utf-8") as file:
        for suite in (codename, f"{codename}-updates"):
            file.write(f"deb-src http://deb.debian.org/debian {suite} main\n")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={BUILD}/src.list", "-o", "Dir::Etc::sourceparts=/dev/null",
           "-o", f"Dir::State::lists={BUILD}/lists", "-o", "APT::Sandbox::User=root"]
    run([*apt, "update"])
    run([*apt, "source", "--download-only", "busybox"], cwd=BUILD)
    description = glob.glob(f"{BUILD}/busybox_*.dsc")[0]
    shutil.rmtree(f"{BUILD}/src", ignore_errors=True)
    run(["dpkg-source", "--no-check", "-x", description, f"{BUILD}/src"])


def make_stage():
    """What the guest gets as /suite: the layout of busybox's source tree, as far as tests look."""
    shutil.rmtree(STAGE, ignore_errors=True)
    os.makedirs(STAGE)
    shutil.copytree(f"{BUILD}/src/testsuite", f"{STAGE}/testsuite")
    shutil.copytree(f"{BUILD}/src/shell/ash_test", f"{STAGE}/shell/ash_test")
    shutil.copy(f"{BUILD}/src/debian/config/pkg/static", f"{STAGE}/.config")
    shutil.copy("/bin/busybox", f"{STAGE}/busybox")
    for name in ("printenv", "recho", "zecho"):
        directory = f"{STAGE}/shell/ash_test"
        run(["clang-19", "-O2", "-w", "-static", "-std=gnu89", "-o", f"{directory}/{name}", f"{directory}/{name}.c"])


def passed(kernel, show):
    """How often each name of a test passed, and all lines of results."""
    done = subprocess.run(["./exo", "run", "--kernel", kernel, "--image", "busybox", "--memory", "512M", "--timeout", str(SECONDS),
                           "--file", f"{STAGE}:/suite", "--file", f"{HERE}/busybox_suite.sh:/suite/run.sh",
                           "--", "sh", "/suite/run.sh"],
                          cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    text = done.stdout.decode(errors="replace")
    if show:
        with open(f"{BUILD}/{kernel}.txt", "w", encoding="utf-8") as file:
            file.write(text)
    if done.returncode:
        print(f"{kernel}: ended with {done.returncode}: {done.stderr.decode(errors='replace')[-1000:]}")
    names = re.findall(r"^PASS: (.*)$", text, re.M) + re.findall(r"^(ash-\S+): ok$", text, re.M)
    return collections.Counter(names)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", action="store_true", help="keeps the outputs in build/busybox")
    options = parser.parse_args()
    if not os.path.isdir(f"{BUILD}/src"):
        fetch()
    make_stage()
    linux, exo = passed("linux", options.show), passed("exo", options.show)
    both = linux & exo
    share = both.total() / max(linux.total(), 1)
    for name in sorted((linux - exo).elements()):
        print(f"only under Linux: {name}")
    print(f"{linux.total()} pass under Linux, of them {both.total()} under Exo-OS ({share:.1%})")
    return 0 if linux.total() >= LEAST and share >= SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
