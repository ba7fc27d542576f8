#!/usr/bin/env python3
"""The group abi: the same Linux programs on the build machine's Linux and in a guest, what they print
compared: run.py [--kernel exo|linux] [--cpus N...] [--programs DIRECTORY] [NAME...].

A test passes where both say ok, and a line `saw NAME WHAT...` where both saw the same. Every test
must pass on the build machine; tests/abi/differences.txt lists the ones that may fail
in Exo-OS, with the reason, and one that passes must leave it.

Exo-OS counts its calls, so that each test also tells which it made: --record writes them to
tests/abi/calls.txt, from which docs/coverage.md says how well each call is tested (tools/coverage.py).
"""

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# A test that prints nothing for so long has hung the guest; its own watchdogs are shorter.
SILENCE_SECONDS = 180


def run(command):
    """The lines that `command` prints; cut, and None at the end, if it is silent for too long."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               text=True, errors="replace")
    lines = []
    timer = None

    def rearm():
        nonlocal timer
        if timer:
            timer.cancel()
        timer = threading.Timer(SILENCE_SECONDS, process.terminate)
        timer.start()

    rearm()
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        rearm()
    timer.cancel()
    return lines, process.wait()


def results(lines):
    """{program/test: line} of what a driver printed, and the program that was last begun and not
    ended, or None."""
    program, found, running = "", {}, None
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "==":
            program = words[1]
            running = program if len(words) == 2 else None
        elif len(words) >= 2 and words[0] in ("ok", "FAIL", "saw"):
            found[f"{program}/{words[1]}"] = line
    return found, running


def allowed_differences():
    with open(os.path.join(HERE, "differences.txt"), encoding="utf-8") as file:
        lines = [line.split("#", 1)[0].strip() for line in file]
    return {line.split(None, 1)[0] for line in lines if line}


def calls_made(lines):
    """{program/test: set of calls} of what a driver printed."""
    program, made = "", {}
    for line in lines:
        words = line.split()
        if len(words) == 2 and words[0] == "==":
            program = words[1]
        elif len(words) >= 2 and words[0] == "calls":
            made[f"{program}/{words[1]}"] = set(words[2:])
    return made


def record_calls(made):
    """`made` is from several guests: what hangs on their timing is left out."""
    common = {test: set.intersection(*(each.get(test, set()) for each in made)) for test in made[0]}
    with open(os.path.join(HERE, "calls.txt"), "w", encoding="utf-8") as file:
        file.write("# The calls that each test makes, by tests/abi/run.py --record.\n")
        for test in sorted(common):
            file.write(f"{test}: {' '.join(sorted(common[test]))}\n")


def passes(line, native):
    return line is not None and (line.startswith("ok ") or line == native)


def difference(native, line):
    """The words of `native` that `line` has not."""
    have = set(line.split())
    return " ".join(word for word in native.split()[2:] if word not in have)


def check_guest(where, command, native, allowed, made):
    """The number of tests that went wrong; the calls they made are added to `made`."""
    lines, status = run(command)
    made.append(calls_made(lines))
    found, running = results(lines)
    wrong = 0
    for name in native:
        line = found.get(name)
        if passes(line, native[name]):
            if name in allowed:
                print(f"{where}: {name} passes; tests/abi/differences.txt lists it")
                wrong += 1
            continue
        if name not in allowed:
            print(f"{where}: {name}: {line or 'did not run'}")
            if line and native[name].startswith("saw "):
                print(f"{' ' * len(where)}  Linux: {difference(native[name], line)}")
            wrong += 1
    if running:
        print(f"{where}: the guest ended or hung in {running}, after: {lines[-1] if lines else 'nothing'}")
        wrong += 1
    elif status != 0:
        print(f"{where}: ./exo run ended with {status}")
        wrong += 1
    passed = sum(1 for name in native if passes(found.get(name), native[name]))
    print(f"{where}: {passed} of {len(native)} pass")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="exo")
    parser.add_argument("--cpus", type=int, action="append")
    parser.add_argument("--programs", default="build/user/tests/abi/programs")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--record", action="store_true", help="write tests/abi/calls.txt")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.record and (options.names or options.kernel != "exo"):
        parser.error("--record is of all tests in Exo-OS")
    folder = os.path.join(ROOT, options.programs)
    # One at a time on this machine: limits count a user's processes, whoever started them.
    with open(os.path.join(tempfile.gettempdir(), "exo-abi-native.lock"), "w", encoding="ascii") as alone, \
            tempfile.TemporaryDirectory(prefix="abi-") as work:
        fcntl.flock(alone, fcntl.LOCK_EX)
        os.chmod(work, 0o755)
        subprocess.run(["cp", "-r", folder, f"{work}/programs"], check=True)
        lines, _ = run([f"{work}/programs/driver", f"{work}/programs", *options.names])
    native, running = results(lines)
    failed = [line for line in native.values() if not line.startswith(("ok ", "saw "))]
    for line in failed:
        print(f"this machine's Linux: {line}")
    if failed or running or not native:
        print("the tests must pass on the build machine's Linux first")
        return 1
    print(f"this machine's Linux: {len(native)} of {len(native)} pass")
    allowed = set() if options.kernel == "linux" else allowed_differences()
    wrong, made = 0, []
    for unknown in sorted(allowed - set(native)) if not options.names else []:
        print(f"tests/abi/differences.txt: there is no test {unknown}")
        wrong += 1
    # As many bits of addresses for programs as the other two have.
    machine = ["--cpu", "max,la57=off"] if options.kernel == "linux" else []
    name = os.path.basename(options.kernel)
    for cpus in options.cpus or [1, 4]:
        command = ["./exo", "run", "--kernel", options.kernel, "--image", "busybox", "--cpus", str(cpus), "--memory",
                   options.memory, *machine, "--file", f"{options.programs}:/abi", "--", "/abi/driver", "/abi",
                   *options.names]
        wrong += check_guest(f"{name}, {cpus} CPUs", command, native, allowed, made)
    if options.record and wrong == 0:
        record_calls(made)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
