#!/usr/bin/env python3
"""./exo run and ./exo trace: a guest with a shell on this terminal, or one command in it."""

import argparse
import os
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

import machine
import session
import wire

sys.path.insert(0, os.path.join(machine.ROOT, "image"))
import initrd as recipe  # noqa: E402

# A line of the log as posix_x/trace.cpp writes it: the thread's id, the call, its result.
TRACE = re.compile(r"(?:\[ *[0-9.]+\] )?trace: (.*)")

EXIT_CODES = """
Ctrl-A X leaves the shell's machine, Ctrl-A H tells what else Ctrl-A does. With a command, its output
and errors are all that is printed, and the exit code is its own (128 + N if signal N ended it;
126, 127: it could not be started, was not found; 124: --timeout or no init; 125: the machine failed).
"""


def parse(name, arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog=f"./exo {name}", usage=f"./exo {name} [OPTION...] [-- COMMAND [ARGUMENT...]]",
        description="Boots Exo-OS in QEMU." if name == "run" else
        "Runs a command in Exo-OS and prints its system calls, as the kernel saw them.",
        epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipe.add_options(machine.add_options(parser))
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="ends the machine after so long")
    parser.add_argument("--console", metavar="FILE", help="keeps the kernel's console (with a command)")
    if name == "trace":
        parser.add_argument("-o", "--output", metavar="FILE", help="the trace goes there, not to stderr")
        parser.add_argument("--init", action="store_true", help="the calls of the guest's init as well")
    options = parser.parse_args(arguments[:split])
    command = arguments[split + 1:]
    if name == "trace" and not command:
        parser.error("trace needs a command after --")
    if name == "trace" and options.kernel == "linux":
        parser.error("the trace is taken by Exo-OS; inside Linux there is strace(1)")
    return options, command


def make_initrd(options, folder):
    if options.initrd:
        if not os.path.exists(options.initrd):
            raise machine.RunError(f"--initrd: there is no file {options.initrd!r}")
        return options.initrd
    path = os.path.join(folder, "initrd")
    try:
        with open(path, "wb") as file:
            recipe.build(file, options.image, options.file)
    except (OSError, recipe.userland.RecipeError) as error:
        raise machine.RunError(str(error)) from error
    return path


class WindowSizes:
    """Tells the guest of a shell of its terminal's size, whenever it changes, by the second serial port."""

    def __init__(self, first):
        self.first = self.told = first  # the guest's command line has it
        self.heard, self.greeted = b"", False
        self.mine, self.theirs = socket.socketpair()
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGWINCH, lambda *_: None)

    def carry(self, deadline):
        """Until the machine ends: True; False: the deadline came first."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.mine, selectors.EVENT_READ)
            selector.register(self.wake_read, selectors.EVENT_READ)
            while True:
                left = None if deadline is None else max(0, deadline - time.monotonic())
                ready = selector.select(left)
                if not ready:
                    return False
                for key, _ in ready:
                    if key.fileobj is self.mine:
                        data = self.mine.recv(4096)
                        if not data:
                            return True
                        self.hear(data)
                    else:
                        os.read(self.wake_read, 64)
                self.tell()

    def hear(self, data):
        """A guest that has restarted greets again; what its firmware and kernel say there is nothing to us."""
        self.heard += data
        if wire.HELLO in self.heard:
            self.greeted, self.told, self.heard = True, self.first, b""
        self.heard = self.heard[-len(wire.HELLO):]

    def tell(self):
        size = os.get_terminal_size(0)
        if self.greeted and size != self.told:
            self.told = size
            self.mine.send(wire.frame(wire.WINDOW_SIZE, struct.pack("<HH", size.lines, size.columns)))


def run_shell(options, initrd):
    """Interactive: QEMU has the terminal, raw, with its monitor behind Ctrl-A C."""
    size = os.get_terminal_size(0)
    sizes = WindowSizes(size)
    term = os.environ.get("TERM", "linux")
    words = f" -- shell {size.lines}x{size.columns} {term}"
    append = machine.command_line(options, []) + words
    arguments = machine.qemu(options, append, initrd,
                             ["stdio,id=?,mux=on,signal=off", f"socket,id=?,fd={sizes.theirs.fileno()}"])
    arguments += ["-mon", "chardev=serial0,mode=readline"]
    saved = termios.tcgetattr(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # before the terminal is raw, and after
    deadline = time.monotonic() + options.timeout if options.timeout else None
    process = subprocess.Popen(arguments, pass_fds=[sizes.theirs.fileno()],
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    sizes.theirs.close()
    try:
        status = process.wait() if sizes.carry(deadline) else None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
    if status is None:
        machine.complain(f"the machine was ended after {options.timeout:g} s")
        return session.TIMED_OUT
    # isa-debug-exit makes 2 * status + 1 of what init ended with; 0: powered off or Ctrl-A X.
    if status in (0, 1):
        return 0
    machine.complain(f"the machine failed (QEMU's exit code {status})")
    return session.MACHINE_FAILED


def run_traced(options, command, initrd, folder):
    options.console = options.console or os.path.join(folder, "console")
    options.verbose = True  # the trace is in the kernel's log
    code = session.CommandSession(options, command, initrd, ["exo.trace=1"]).run()
    with open(options.console, encoding="utf-8", errors="replace") as console:
        calls = [match.group(1).rstrip() for match in map(TRACE.match, console) if match]
    lines = [line for line in calls if options.init or not line.startswith("1 ")]
    with open(options.output, "w", encoding="utf-8") if options.output else sys.stderr as out:
        out.writelines(line + "\n" for line in lines)
    if code not in (session.MACHINE_FAILED, session.TIMED_OUT) and not lines:
        raise machine.RunError("the kernel traced no call")
    return code


def main():
    name, arguments = sys.argv[1], sys.argv[2:]
    options, command = parse(name, arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="exo-initrd-") as folder:
            initrd = make_initrd(options, folder)
            if name == "trace":
                return run_traced(options, command, initrd, folder)
            if not command and os.isatty(0):
                return run_shell(options, initrd)
            # Without a terminal the shell reads its script from standard input.
            return session.CommandSession(options, command or ["/bin/sh"], initrd).run()
    except machine.RunError as error:
        machine.complain(error)
        return session.MACHINE_FAILED
    except BrokenPipeError:  # who read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(main())
