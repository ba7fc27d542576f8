#!/usr/bin/env python3
"""Tests of `./exo run` itself, by typing it: run_test.py [--kernel exo|linux] [--only NAME]."""

import argparse
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = 90

sys.path.append(f"{ROOT}/tools/run")
import session  # noqa: E402
import wire  # noqa: E402


class Failure(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {str(got)[:400]!r}, expected {str(wanted)[:400]!r}")


class Tests:
    def __init__(self, kernel):
        self.kernel = kernel
        self.base = ["./exo", "run", "--kernel", kernel, "--image", "busybox"]
        # Debian's kernel does not start in as little.
        self.small = ["--memory", "64M" if kernel == "exo" else "160M"]

    def run(self, command, data=b"", options=()):
        done = subprocess.run([*self.base, *options, "--", *command], input=data, cwd=ROOT,
                              capture_output=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_output_errors_and_exit_code(self):
        expect("run", self.run(["sh", "-c", "echo out; echo err >&2; exit 7"]), (7, b"out\n", b"err\n"))

    def test_arguments_as_they_are(self):
        arguments = ["a b", "", "'\"$x\\", "\n\xfc", "x" * 5000]
        code, out, _ = self.run(["printf", "[%s]", *arguments])
        expect("arguments", (code, out), (0, "".join(f"[{a}]" for a in arguments).encode()))

    def test_input_is_binary_clean(self):
        data = bytes(range(256)) * 256 + os.urandom(60_000)
        expect("cat", self.run(["cat"], data), (0, data, b""))

    def test_input_that_nobody_reads(self):
        expect("head", self.run(["head", "-c", "2"], b"ab" * 50_000), (0, b"ab", b""))

    def test_signal_is_the_exit_code(self):
        expect("kill", self.run(["sh", "-c", "kill -TERM $$"])[0], 128 + signal.SIGTERM)

    def test_command_that_is_not_there(self):
        code, out, errors = self.run(["no-such-command"])
        expect("code and output", (code, out), (127, b""))
        expect("message", b"no-such-command" in errors, True)

    def test_background_job_does_not_hold_the_machine(self):
        began = time.monotonic()
        expect("run", self.run(["sh", "-c", "sleep 1000 & echo done"])[:2], (0, b"done\n"))
        expect("ended soon", time.monotonic() - began < PATIENCE / 2, True)

    def test_timeout(self):
        expect("code", self.run(["sleep", "1000"], options=["--timeout", "15"])[0], 124)

    def test_file_in_the_guest(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\0\1content")
            file.flush()
            expect("cat", self.run(["cat", "/data/file"], options=["--file", f"{file.name}:/data/file"]),
                   (0, b"\0\1content", b""))

    # Of the host's side alone: a guest that is fast, beside a host that is slow.
    def test_machine_that_ends_before_it_has_read_all(self):
        mine, theirs = socket.socketpair()
        output, out = os.pipe()
        carrier = session.CommandSession(argparse.Namespace(timeout=None), [], None, source=None, out=out)
        carrier.wake_read, _ = os.pipe()
        carrier.to_guest = b"unread"
        theirs.sendall(wire.HELLO + wire.frame(wire.OUTPUT, b"said") + wire.frame(wire.EXIT, b"\3"))
        theirs.close()
        expect("exit code", carrier.carry(None, mine), 3)
        expect("output", os.read(output, 100), b"said")

    def test_statistics_of_calls(self):
        if self.kernel == "linux":
            return
        script = ("cat /proc/exo/posix_x; echo; i=0; while [ $i -lt 100 ]; do umask 022; i=$((i+1)); done;"
                  "cat /proc/exo/posix_x")
        for options, path in ((), "fast"), (["--append", "exo.trace=1"], "hybrid"):
            code, out, _ = self.run(["sh", "-c", script], options=options)
            expect("code", code, 0)
            before, after = map(self.statistics, out.decode().split("\n\n"))
            made = after["umask", path] - before.get(("umask", path), 0)
            expect(f"umask by the {path} path", made >= 100, True)
            expect("another path", [key for key in after if key[0] == "umask" and key[1] != path], [])

    @staticmethod
    def statistics(text):
        """(call, path) -> count; the sums by path must agree."""
        lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
        calls = {(line[2], line[3]): int(line[4]) for line in lines if line[0] == "call"}
        for _, path, count, ns in (line for line in lines if line[0] == "path"):
            expect(f"sum of {path}", sum(n for key, n in calls.items() if key[1] == path), int(count))
            expect(f"time of {path}", ns == "-" or int(ns) > 0 or count == "0", True)
            expect("only the fast path is not timed", ns == "-", path == "fast")
        return calls

    def test_bad_options(self):
        for bad in (["--memory", "lots"], ["--cpus", "0"], ["--nonsense"], ["--image", "none"],
                    ["--file", "/nonexistent:/x"]):
            expect(f"{bad}", self.run(["true"], options=bad)[0], 2)

    def test_memory_hog_is_killed_and_nobody_else(self):
        script = ("sleep 100 & tail /dev/zero; echo tail $?; kill -0 $! && echo sleeper lives; "
                  "for i in 1 2 3; do tail /dev/zero; done; dmesg | grep -c 'Out of memory: Killed process .*(tail)'")
        code, out, _ = self.run(["sh", "-c", script], options=self.small)
        expect("hog", (code, out), (0, b"tail 137\nsleeper lives\n4\n"))

    def test_hogs_on_several_cpus(self):
        script = ("for i in 1 2 3 4 5 6; do tail /dev/zero & done; wait; "
                  "dmesg | grep -c 'Out of memory: Killed process'")
        code, out, _ = self.run(["sh", "-c", script], options=[*self.small, "--cpus", "4"])
        expect("hogs", (code, out), (0, b"6\n"))

    def test_oom_score_adj_chooses_the_victim(self):
        # The hog is larger, but the sleeper offers itself; it ends first.
        script = ("(echo 1000 > /proc/self/oom_score_adj; exec sleep 100) & victim=$!; sleep 1; "
                  "(echo 0 > /proc/self/oom_score_adj; exec tail /dev/zero); wait $victim; echo $?")
        code, out, _ = self.run(["sh", "-c", script], options=self.small)
        expect("victim", (code, out), (0, b"137\n"))

    def test_tmpfs_is_full_at_half_of_memory(self):
        script = ("mkdir /t; mount -t tmpfs t /t; dd if=/dev/zero of=/t/f bs=64k 2>&1 | grep -o 'No space.*'; "
                  "used=$(du -k /t/f | cut -f1); total=$(awk '/MemTotal/ {print $2}' /proc/meminfo); "
                  "[ $((used * 2)) -le $total ] && [ $((used * 2)) -gt $((total * 95 / 100)) ] && echo half; "
                  "rm /t/f; dd if=/dev/zero of=/t/f bs=64k count=100 2>/dev/null && echo again")
        code, out, _ = self.run(["sh", "-c", script], options=self.small)
        expect("tmpfs", (code, out), (0, b"No space left on device\nhalf\nagain\n"))

    def test_fork_bomb_under_a_limit(self):
        script = ("setsid su -s /bin/sh nobody -c 'ulimit -u 40; bomb() { bomb | bomb & }; bomb' 2>/dev/null; sleep 3;"
                  "setsid su -s /bin/sh nobody -c 'kill -STOP -1' 2>/dev/null; n=$(ps -o user | grep -c nobody); [ $n -le 40 ] && echo alive")
        code, out, _ = self.run(["sh", "-c", script], options=self.small)
        expect("bomb", (code, out), (0, b"alive\n"))

    def test_shell_on_a_terminal(self):
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        process = subprocess.Popen(self.base, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave,
                                   start_new_session=True)
        try:
            seen = self.wait_for(master, b"# ")
            self.type(master, b"ec\x7fcho ha''llo | tr a-z A-Z\r")
            seen += self.wait_for(master, b"HALLO")
            self.type(master, b"sleep 1000\r")
            time.sleep(1)
            self.type(master, b"\x03")
            self.type(master, b"echo after $((40 + 2))\r")
            self.wait_for(master, b"after 42")
            self.type(master, b"\x01x")
            expect("exit code after Ctrl-A X", process.wait(20), 0)
            expect("terminal settings", termios.tcgetattr(slave), before)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def test_shell_that_ends(self):
        master, slave = pty.openpty()
        process = subprocess.Popen(self.base, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave,
                                   start_new_session=True)
        try:
            self.wait_for(master, b"# ")
            self.type(master, b"exit\r")
            expect("exit code", process.wait(30), 0)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @staticmethod
    def type(master, keys):
        # As fast as a person at most: a serial line in the kernel has no flow control.
        for key in keys:
            os.write(master, bytes([key]))
            time.sleep(0.01)

    @staticmethod
    def wait_for(master, wanted):
        seen, end = b"", time.monotonic() + PATIENCE
        while wanted not in seen:
            if not select.select([master], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure(f"no {wanted!r} in {seen[-1000:]!r}")
            seen += os.read(master, 4096)
        return seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", default="exo")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tests, failed = Tests(options.kernel), 0
    names = [name for name in dir(Tests) if name.startswith("test_") and options.only in name]
    for name in names:
        began = time.monotonic()
        try:
            getattr(tests, name)()
            print(f"ok      {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except (Failure, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
