"""Runs modules of Python's own tests in the guest: guest.py MODULE... A line "\x01STATUS TEST" for each test as
it ends (ok, failed, skipped), "\x01hung TEST" for one that was running when its module's time was over,
"\x01died TEST" if the module's process ended in it.
"""

import importlib
import os
import re
import subprocess
import sys
import unittest

MODULE_SECONDS = 1200
LEFT_OUT = "/python/left_out.txt"


def left_out():
    with open(LEFT_OUT, encoding="utf-8") as file:
        patterns = [line.partition("#")[0].strip() for line in file]
    return [re.compile(pattern) for pattern in patterns if pattern]


class Recorder(unittest.TestResult):
    """Each test's outcome, at once, in a file: what a test prints or crashes does not mix with it."""

    def __init__(self, path):
        super().__init__()
        self.out = open(path, "a", encoding="utf-8", buffering=1)
        self.status = None

    def startTest(self, test):
        super().startTest(test)
        self.status = "ok"
        self.out.write(f"running {test.id()}\n")

    def stopTest(self, test):
        super().stopTest(test)
        self.out.write(f"{self.status} {test.id()}\n")

    def _fail(self, test, error):
        self.status = "failed"
        sys.stderr.write(f"{test.id()}: {self._exc_info_to_string(error, test)}\n")

    def addError(self, test, err):
        super().addError(test, err)
        if self.status is None:  # of a class or module as a whole
            self.out.write(f"failed {test.id()}\n")
        self._fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.status = "skipped"

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.status = "failed"


def chosen(suite, patterns):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield unittest.TestSuite(chosen(test, patterns))
        elif not any(pattern.search(test.id()) for pattern in patterns):
            yield test


def run_module(name, results):
    module = importlib.import_module(f"test.{name}")
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    unittest.TestSuite(chosen(suite, left_out())).run(Recorder(results))


def tell(results, ended):
    """What a module's process left; `ended`: None if its time was over, else its exit code."""
    running = None
    with open(results, encoding="utf-8") as file:
        for line in file:
            status, _, test = line.rstrip("\n").partition(" ")
            running = test if status == "running" else None
            if status != "running":
                print(f"\x01{status} {test}", flush=True)
    if running is not None:
        print(f"\x01{'hung' if ended is None else 'died'} {running}", flush=True)


def main():
    if sys.argv[1] == "--run":
        return run_module(sys.argv[2], sys.argv[3])
    for name in sys.argv[1:]:
        directory = f"/tmp/{name}"
        os.mkdir(directory)
        results = f"/tmp/{name}.results"
        open(results, "w", encoding="utf-8").close()
        command = ["timeout", "--kill-after=5", str(MODULE_SECONDS), sys.executable, __file__, "--run", name, results]
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        tell(results, None if done.returncode == 124 else done.returncode)
        print(f"\x01module {name} {done.returncode}", flush=True)


if __name__ == "__main__":
    main()
