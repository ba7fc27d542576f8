"""A command in a guest: QEMU with the wire on its second serial port, and the loop that carries
standard input, output, errors, signals and the exit code (docs/run.md)."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

import machine
import wire

BOOT_SECONDS = 120
MACHINE_FAILED = 125  # as env(1) and its kin: their own failure, not the command's
TIMED_OUT = 124


class CommandSession:
    """Runs one command; the outputs go to the descriptors `out` and `err`."""

    def __init__(self, options, command, initrd, boot_words=(), source=0, out=1, err=2):
        self.options, self.command, self.initrd = options, command, initrd
        self.boot_words = list(boot_words)
        self.source, self.out, self.err = source, out, err
        self.reader = wire.Reader()
        self.to_guest = b""
        self.window = wire.WINDOW
        self.pending = list(wire.argument_frames(command))
        self.input_open = source is not None
        self.exit_code = None
        self.interrupts = 0

    def run(self):
        """The exit code that `./exo run` ends with."""
        with tempfile.TemporaryDirectory(prefix="exo-run-") as folder:
            self.console = self.options.console or os.path.join(folder, "console")
            mine, theirs = socket.socketpair()
            serials = [f"file,id=?,path={self.console}", f"socket,id=?,fd={theirs.fileno()}"]
            append = machine.command_line(self.options, self.boot_words) + " -- command"
            arguments = machine.qemu(self.options, append, self.initrd, serials)
            # In a group of its own: Ctrl-C is for the command, and is sent as a frame.
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, pass_fds=[theirs.fileno()], start_new_session=True)
            theirs.close()
            try:
                self.prepare_signals()
                return self.carry(process, mine)
            finally:
                if process.poll() is None:
                    process.terminate()
                    try:
                        process.wait(5)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
                mine.close()

    def prepare_signals(self):
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)

    def carry(self, process, link):
        began = time.monotonic()
        link.setblocking(False)
        selector = selectors.PollSelector()  # epoll takes no regular files
        selector.register(self.wake_read, selectors.EVENT_READ, "signal")
        while self.exit_code is None:
            self.fill()
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.to_guest else 0)
            self.watch(selector, link, events, "link")
            reading = self.input_open and self.reader.greeted and not self.pending and self.window > 0
            self.watch(selector, self.source, selectors.EVENT_READ if reading else 0, "input")
            ready = selector.select(self.patience(began))
            if not ready and self.patience(began) <= 0:
                return self.give_up()
            for key, mask in ready:
                if key.data == "signal" and not self.on_signal():
                    return self.exit_code
                if key.data == "input":
                    self.read_input()
                if key.data == "link":
                    if mask & selectors.EVENT_WRITE:
                        self.write_link(link)
                    if mask & selectors.EVENT_READ and not self.read_link(link):
                        return self.machine_ended(process)
        return self.exit_code

    @staticmethod
    def watch(selector, source, events, name):
        """Makes `selector` wait for exactly these events of `source`."""
        if source is None:
            return
        known = selector.get_map().get(source)
        if known and not events:
            selector.unregister(source)
        elif known:
            selector.modify(source, events, name)
        elif events:
            selector.register(source, events, name)

    def fill(self):
        """Moves what the window allows from what is pending to what is sent."""
        while self.reader.greeted and self.pending and len(self.pending[0]) - 3 <= self.window:
            frame = self.pending.pop(0)
            self.window -= len(frame) - 3
            self.to_guest += frame

    def patience(self, began):
        left = []
        if not self.reader.greeted:
            left.append(began + BOOT_SECONDS - time.monotonic())
        if self.options.timeout:
            left.append(began + self.options.timeout - time.monotonic())
        return max(0, min(left)) if left else None

    def read_input(self):
        data = os.read(self.source, min(self.window, wire.MAX_PAYLOAD))
        if data:
            self.pending.append(wire.frame(wire.INPUT, data))
        else:
            self.pending.append(wire.frame(wire.INPUT_END))
            self.input_open = False

    def write_link(self, link):
        """A machine that has ended reads nothing more; what it said before, its exit code too, may still be unread."""
        try:
            self.to_guest = self.to_guest[link.send(self.to_guest):]
        except (BrokenPipeError, ConnectionResetError):
            self.to_guest = b""

    def read_link(self, link):
        """False: the machine is gone."""
        try:
            data = link.recv(65536)
        except ConnectionResetError:
            return False
        if not data:
            return False
        for kind, payload in self.reader.feed(data):
            if kind == wire.OUTPUT:
                write_all(self.out, payload)
            elif kind == wire.ERROR:
                write_all(self.err, payload)
            elif kind == wire.CREDIT:
                self.window += int.from_bytes(payload, "little")
            elif kind == wire.EXIT:
                self.exit_code = payload[0]
        return True

    def on_signal(self):
        """The first Ctrl-C goes to the command; all else ends the machine. False: end."""
        for number in os.read(self.wake_read, 64):
            self.interrupts += 1
            if number != signal.SIGINT or self.interrupts > 1 or not self.reader.greeted:
                self.exit_code = 128 + number
                return False
            self.pending.append(wire.frame(wire.SIGNAL, bytes([number])))
        return True

    def give_up(self):
        if self.reader.greeted:
            machine.complain(f"the command did not end within {self.options.timeout:g} s")
        else:
            machine.complain("the guest did not get as far as its init in time")
            self.show_console()
        return TIMED_OUT

    def machine_ended(self, process):
        errors = process.stderr.read().decode(errors="replace").strip()
        status = process.wait()
        machine.complain(f"the machine ended before the command did (QEMU's exit code {status})")
        if errors:
            print(errors, file=sys.stderr)
        self.show_console()
        return MACHINE_FAILED

    def show_console(self):
        try:
            with open(self.console, encoding="utf-8", errors="replace") as console:
                lines = console.read().splitlines()[-40:]
        except OSError:
            return
        if lines:
            print("the console ended with:\n    " + "\n    ".join(lines), file=sys.stderr)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]
