#!/usr/bin/env python3
"""Python's own tests beside Linux: python_test.py [--only MODULE...] [--cpus N] [--kernel exo]

The modules below, of Debian's libpython3.11-testsuite (image/recipes/debian-tests), run in one boot of Debian's
Linux and in one of Exo-OS. What passes under Linux must pass in Exo-OS, but for what python/differences.txt names
with its reason; what is named there and passes is a failure too. With --kernel exo only that boot runs, and
what does not pass is told.
"""

import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BOOT_SECONDS = 7200
MODULES = ["test_builtin", "test_int", "test_list", "test_dict", "test_json", "test_re", "test_threading",
           "test_subprocess", "test_signal", "test_os", "test_posix", "test_io", "test_mmap", "test_select",
           "test_selectors", "test_pty", "test_time", "test_tempfile", "test_multiprocessing_fork"]


def differences():
    """Regular expressions of tests that may fail in Exo-OS."""
    with open(f"{HERE}/python/differences.txt", encoding="utf-8") as file:
        patterns = [line.partition("#")[0].strip() for line in file]
    return [re.compile(pattern) for pattern in patterns if pattern]


def results(kernel, modules, cpus):
    """{test: status} of one boot, and {module: exit code}."""
    done = subprocess.run(["./exo", "run", "--kernel", kernel, "--image", "debian-tests", "--cpus", str(cpus), "--memory", "1536M",
                           "--timeout", str(BOOT_SECONDS), "--file", f"{HERE}/python:/python",
                           "--", "python3", "/python/guest.py", *modules],
                          cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        print(f"{kernel}: ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    with open(f"{ROOT}/build/log/python-{kernel}.log", "wb") as log:
        log.write(done.stdout + done.stderr)
    tests, ended = {}, {}
    for line in done.stdout.decode(errors="replace").splitlines():
        if not line.startswith("\x01"):
            continue
        status, _, rest = line[1:].partition(" ")
        if status == "module":
            name, _, code = rest.partition(" ")
            ended[name] = int(code)
        else:
            tests[rest] = status
    return tests, ended


def compare(linux, exo, known):
    """What is wrong, as lines."""
    wrong = []
    for test, status in sorted(linux.items()):
        here = exo.get(test, "missing")
        named = any(pattern.search(test) for pattern in known)
        if status == "ok" and here != "ok" and not named:
            wrong.append(f"{test}: {here}")
    for pattern in known:
        matching = [test for test, status in exo.items() if pattern.search(test)]
        if matching and all(exo[test] == "ok" for test in matching):
            wrong.append(f"{pattern.pattern}: is named in differences.txt and passes")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=MODULES)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--kernel", choices=["exo", "linux"])
    options = parser.parse_args()
    os.makedirs(f"{ROOT}/build/log", exist_ok=True)
    if options.kernel:
        tests, ended = results(options.kernel, options.only, options.cpus)
        for test, status in sorted(tests.items()):
            if status not in ("ok", "skipped"):
                print(f"{status:8} {test}")
        passed = sum(status == "ok" for status in tests.values())
        print(f"{options.kernel}: {passed} of {len(tests)} pass; modules ended with {ended}")
        return 0 if len(ended) == len(options.only) else 1
    linux, linux_ended = results("linux", options.only, options.cpus)
    exo, exo_ended = results("exo", options.only, options.cpus)
    wrong = compare(linux, exo, differences())
    wrong += [f"{module}: did not run under {name}" for module in options.only
              for name, ended in (("Linux", linux_ended), ("Exo-OS", exo_ended)) if module not in ended]
    for line in wrong:
        print(f"FAILED  {line}")
    passing = [test for test, status in linux.items() if status == "ok"]
    both = sum(exo.get(test) == "ok" for test in passing)
    print(f"{len(passing)} tests pass under Linux, {both} of them in Exo-OS; {len(wrong)} complaints")
    return 1 if wrong or not passing else 0


if __name__ == "__main__":
    sys.exit(main())
