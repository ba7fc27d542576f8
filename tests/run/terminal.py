"""A guest's shell typed at through a PTY, and the frame of tests that do so (session_test.py,
debian_session_test.py): one boot, steps that each begin and end at the prompt.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = 30
ROWS, COLUMNS = 30, 100
UP, LEFT, RIGHT, ESCAPE = b"\x1b[A", b"\x1b[D", b"\x1b[C", b"\x1b"
# What a terminal does not show: cursor positions, colours, character sets, returns.
CONTROLS = re.compile(rb"\x1b\[[0-9;?>]*[A-Za-z]|\x1b[()][0-9A-Z]|\x1b[=>]|\r|\x07")


class Failure(Exception):
    pass


class Terminal:
    def __init__(self, kernel, options=()):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave, self.seen = slave, b""
        command = ["./exo", "run", "--kernel", kernel, "--image", "busybox", *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)

    def begin(self):
        self.wait(b"# ", 120)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.killpg(self.process.pid, signal.SIGWINCH)  # as the kernel does to who has it as its terminal

    def resize_at_prompt(self, rows, columns):
        self.resize(rows, columns)
        self.line(b"until [ \"$(stty size)\" = '%d %d' ]; do sleep 0.05; done; echo resized" % (rows, columns), b"\nresized\n")

    def type(self, keys):
        # As fast as a person at most: a serial line has no flow control.
        for key in keys:
            os.write(self.master, bytes([key]))
            time.sleep(0.01)

    def read(self, end):
        """What came, at once if something is there; nothing once the time `end` has passed."""
        if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            return b""
        piece = os.read(self.master, 4096)
        self.seen += piece
        return piece

    def wait(self, wanted, patience=PATIENCE):
        """Everything up to and with `wanted`, a regular expression; what follows is for the next."""
        end = time.monotonic() + patience
        while not (found := re.search(wanted, CONTROLS.sub(b"", self.seen))):
            if not self.read(end):
                raise Failure(f"no {wanted!r} in {self.seen[-600:]!r}")
        text = CONTROLS.sub(b"", self.seen)
        self.seen = text[found.end():]
        return text[:found.end()]

    def line(self, keys, wanted=None):
        """Types a line; what came until `wanted`, if any, and the next prompt."""
        self.type(keys + b"\r")
        text = self.wait(wanted) if wanted else b""
        # The end of a line that was typed after everything before has ended.
        self.count = getattr(self, "count", 0) + 1
        self.type(b"echo end$((%d))e\r" % self.count)
        return text + self.wait(b"\nend%de\n" % self.count)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def step_leave(t):
    t.type(b"\x01x")
    if t.process.wait(20) != 0:
        raise Failure("Ctrl-A X did not end with 0")
    if termios.tcgetattr(t.slave) != t.before:
        raise Failure("the terminal's settings have changed")


def run_steps(module, make_terminal=Terminal):
    """The functions step_NAME of a module, a dictionary, in their order, then step_leave; the exit code. A step that
    failed may have left anything running: the next begins in a new machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", default="exo")
    parser.add_argument("--only", default="", help="steps whose name matches this regular expression")
    options = parser.parse_args()
    steps = [(name[len("step_"):], step) for name, step in {**module, "step_leave": step_leave}.items()
             if name.startswith("step_") and re.search(options.only, name)]
    terminal, failed = None, 0
    for name, step in steps:
        began = time.monotonic()
        try:
            if terminal is None:
                terminal = make_terminal(options.kernel)
                terminal.begin()
            step(terminal)
            print(f"ok      {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Failure as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
            terminal.close()
            terminal = None
    if terminal:
        terminal.close()
    print(f"{len(steps) - failed} passed, {failed} failed")
    return 1 if failed or not steps else 0
