#!/usr/bin/env python3
"""The text screen: boots with a display, takes pictures of it through QEMU's monitor, reads the text
off them glyph by glyph and types at the keyboard: screen.py KERNEL. The font is what the kernel was
built with."""

import io
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "image"))
import cpio  # noqa: E402

PATIENCE = 60
WIDTH, HEIGHT = 8, 16
BUSYBOX = "/bin/busybox"


class Failure(Exception):
    pass


class Machine:
    """A boot with a display, and its monitor."""

    def __init__(self, kernel, work, line, data=None, device=("-vga", "std"), ends=True):
        self.picture = os.path.join(work, "picture.ppm")
        monitor = os.path.join(work, "monitor")
        if os.path.exists(monitor):
            os.unlink(monitor)
        with open(os.path.join(os.path.dirname(kernel), "font.bin"), "rb") as file:
            font = file.read()
        self.characters = {}
        for code in [*range(32, 127), *range(161, 256)]:
            self.characters.setdefault(font[code * HEIGHT:(code + 1) * HEIGHT], chr(code))
        command = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "128M", "-no-reboot",
                   "-kernel", kernel, "-append", line, "-display", "none", *device,
                   "-serial", f"file:{work}/serial", "-monitor", f"unix:{monitor},server,nowait"]
        if ends:
            command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        if data is not None:
            with open(os.path.join(work, "initrd"), "wb") as file:
                file.write(data)
            command += ["-initrd", os.path.join(work, "initrd")]
        self.serial = os.path.join(work, "serial")
        self.process = subprocess.Popen(["timeout", str(2 * PATIENCE), *command], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        self.monitor = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.monitor.connect(monitor)
                break
            except OSError:
                if self.process.poll() is not None:
                    return  # it has ended already
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.monitor.close()
        self.process.terminate()
        self.process.wait()

    def answer(self):
        said = b""
        while not said.endswith(b"(qemu) "):
            piece = self.monitor.recv(4096)
            if not piece:
                return
            said += piece

    def command(self, text):
        self.monitor.sendall(text.encode() + b"\n")
        self.answer()

    def lines(self):
        """The text on the screen; a cell that is no glyph of the font is '\\0'."""
        self.command(f"screendump {self.picture}")
        with open(self.picture, "rb") as file:
            kind, size, most, pixels = file.read().split(b"\n", 3)
        if (kind, most) != (b"P6", b"255"):
            raise Failure(f"not a picture: {kind} {most}")
        width, height = (int(number) for number in size.split())
        lines = []
        for top in range(0, height - HEIGHT + 1, HEIGHT):
            line = ""
            for left in range(0, width - WIDTH + 1, WIDTH):
                glyph = bytearray()
                for y in range(top, top + HEIGHT):
                    at = 3 * (y * width + left)
                    row = pixels[at:at + 3 * WIDTH]
                    glyph.append(sum(1 << WIDTH - 1 - x for x in range(WIDTH) if any(row[3 * x:3 * x + 3])))
                line += self.characters.get(bytes(glyph), "\0")
            lines.append(line.rstrip())
        return lines

    def wait_for(self, wanted):
        """The screen's lines, once `wanted` of them says yes and they stay as they are: a dump taken
        while the screen is drawn has lines of before and after."""
        end = time.monotonic() + PATIENCE
        before = None
        while True:
            lines = self.lines()
            if wanted(lines) and lines == before:
                return lines
            before = lines
            if time.monotonic() > end:
                raise Failure("the screen shows only:\n" + "\n".join(line for line in lines if line))
            time.sleep(0.3)

    def type(self, text):
        names = {" ": "spc", "\n": "ret", "-": "minus", "/": "slash", "|": "shift-backslash", "\x7f": "backspace"}
        for c in text:
            self.command("sendkey " + names.get(c, f"shift-{c.lower()}" if c.isupper() else c))
            time.sleep(0.05)

    def log(self):
        with open(self.serial, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "").split("\n")


def shell():
    out = io.BytesIO()
    made = cpio.Archive(out)
    with open(BUSYBOX, "rb") as file:
        made.add("bin/busybox", stat.S_IFREG | 0o755, file.read())
    made.add("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    made.add("init", stat.S_IFREG | 0o755,
             b"#!/bin/sh\nPS1='ready> '\n/bin/busybox --install -s /bin\nmkdir -p /dev\n"
             b"mount -t devtmpfs dev /dev 2>/dev/null\nexport PS1 PATH=/bin\n"
             b"(exec setsid sh -c 'exec sh -i </dev/tty1 >/dev/tty1 2>&1')\nwhile :; do sleep 1000; done\n")
    made.finish()
    return out.getvalue()


def test_panic(kernel, work):
    """Without the device that ends QEMU, the machine stands still and the panic can be read."""
    with Machine(kernel, work, "console=tty0 exo.panic=check", ends=False) as machine:
        machine.wait_for(lambda now: any("KERNEL PANIC on CPU 0: asked for by" in line for line in now) and
                         any("panic_on_request" in line for line in now) and
                         any("switch to start" in line for line in now))


def test_log(kernel, work, device=("-vga", "std")):
    with Machine(kernel, work, "console=ttyS0 console=tty0", shell(), device) as machine:
        lines = machine.wait_for(lambda now: any("ready>" in line for line in now))
        log = [line for line in machine.log() if line.startswith("[")]
        if len(log) < 8:
            raise Failure(f"the log is too short: {log}")
        for line in log:
            pieces = [line[i:i + 128] for i in range(0, len(line), 128)]
            for piece in pieces:
                if piece.rstrip() not in lines:
                    raise Failure(f"not on the screen: {piece!r} in\n" + "\n".join(lines))


def test_bochs_display(kernel, work):
    test_log(kernel, work, ("-vga", "none", "-device", "bochs-display"))


def test_keyboard_and_scrolling(kernel, work):
    with Machine(kernel, work, "quiet console=tty0", shell()) as machine:
        machine.wait_for(lambda now: any(line.startswith("ready>") for line in now))
        machine.type("echo Hallx\x7fo | tr a-z A-Z\n")
        machine.wait_for(lambda now: "HALLO" in now and "ready> echo Hallo | tr a-z A-Z" in now)
        machine.type("stty size\n")
        machine.wait_for(lambda now: "48 128" in now)
        machine.type("seq 300\n")
        lines = machine.wait_for(lambda now: "300" in now)
        at = lines.index("300")
        if at < 40 or lines[:at + 1] != [str(number) for number in range(300 - at, 301)]:
            raise Failure("not the last lines: " + " ".join(lines))
        machine.type("clear\n")
        machine.wait_for(lambda now: now[0] == "ready>\0" or now[0].startswith("ready>") and not any(now[1:]))
        machine.type("cat\n")
        machine.command("sendkey ctrl-c")
        machine.type("echo after\n")
        machine.wait_for(lambda now: "after" in now)


def test_no_display_is_no_failure(kernel, work):
    with Machine(kernel, work, "console=tty0 exo.panic=check", device=("-vga", "none")) as machine:
        status = machine.process.wait(PATIENCE)
        if status != 85:
            raise Failure(f"ended with {status}")
        if not any("screen: no display" in line for line in machine.log()):
            raise Failure("nobody said so")


def main():
    kernel, failed = sys.argv[1], 0
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    tests = [test for name, test in sorted(globals().items()) if name.startswith("test_") and part in name]
    for test in tests:
        with tempfile.TemporaryDirectory(prefix="screen-") as work:
            try:
                test(kernel, work)
                print(f"ok      {test.__name__}", flush=True)
            except (Failure, OSError) as why:
                failed += 1
                print(f"FAILED  {test.__name__}: {why}", flush=True)
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
