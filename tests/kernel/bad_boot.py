#!/usr/bin/env python3
"""Boots the kernel with initrds and command lines that are broken, too long or hostile:
bad_boot.py KERNEL [TEST-KERNEL [PART-OF-A-NAME]]. Each must end as Linux ends it, with a clear line.

The machine ends with the first program's exit code, seen as twice it plus one; with 85 in a panic.
"""

import gzip
import io
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "image"))
import cpio  # noqa: E402

PANIC = 85
PATIENCE = 60
SAYS_SO = "#!/bin/busybox sh\necho init runs\nexit 3\n"
RAN = 2 * 3 + 1
BUSYBOX = "/bin/busybox"


class Failure(Exception):
    pass


def archive(*entries, init=SAYS_SO):
    """busybox, `init` and more entries: (name, mode, data)."""
    out = io.BytesIO()
    made = cpio.Archive(out)
    with open(BUSYBOX, "rb") as file:
        made.add("bin/busybox", stat.S_IFREG | 0o755, file.read())
    if init is not None:
        made.add("init", stat.S_IFREG | 0o755, init if isinstance(init, bytes) else init.encode())
    for at, (name, mode, data) in enumerate(entries):
        # Not add(): that makes good names of bad ones.
        made._entry(name, 1000 + at, mode, 1, data, (0, 0), (0, 0), 0)  # noqa: SLF001
    made.finish()
    return out.getvalue()


def program(code):
    """A static program that runs these bytes."""
    at = 0x400000
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, at + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = 120 + len(code)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, at, at, size, size, 4096) + code


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


class Boots:
    def __init__(self, kernel, work):
        self.kernel, self.work = kernel, work

    def boot(self, data, line="", memory="128M", cpus=1):
        """(QEMU's exit code, what the console and QEMU itself said)"""
        command = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", memory, "-smp", str(cpus),
                   "-no-reboot", "-kernel", self.kernel, "-append", f"exo.exit=1 {line}",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-display", "none",
                   "-serial", "stdio", "-monitor", "none"]
        if data is not None:
            path = os.path.join(self.work, "initrd")
            with open(path, "wb") as file:
                file.write(data)
            command += ["-initrd", path]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as cut:
            raise Failure(f"hangs after {(cut.stdout or b'')[-600:].decode(errors='replace')}") from cut
        return done.returncode, done.stdout.decode(errors="replace").replace("\r", "")

    def expect(self, data, status, *patterns, **machine):
        got, said = self.boot(data, **machine)
        for pattern in patterns:
            if not re.search(pattern, said):
                raise Failure(f"does not say {pattern!r}: {said[-1500:]}")
        if got != status:
            raise Failure(f"ended with {got}, not {status}: {said[-1500:]}")
        return said


NO_INIT = "KERNEL PANIC.*no working init found"
CORRUPT = "initrd: unpacking failed .*corrupt, truncated or not a newc cpio archive"


class Tests(Boots):
    def test_good_ones(self):
        for data in (archive(), gzip.compress(archive()), zstd(archive())):
            self.expect(data, RAN, "init runs")

    def test_no_initrd(self):
        self.expect(None, PANIC, "initrd: there is none", NO_INIT)

    def test_empty_and_zeros(self):
        self.expect(b"\0", PANIC, NO_INIT)
        self.expect(b"\0" * 100_000, PANIC, NO_INIT)

    def test_garbage(self):
        self.expect(b"garbage" * 1000, PANIC, CORRUPT, NO_INIT)
        self.expect(bytes(range(1, 256)) * 4000, PANIC, CORRUPT, NO_INIT)
        self.expect(b"\x1f\x8b" + b"garbage" * 1000, PANIC, CORRUPT, NO_INIT)
        self.expect(b"\x28\xb5\x2f\xfd" + b"garbage" * 1000, PANIC, CORRUPT, NO_INIT)

    def test_truncated(self):
        # busybox is first and init behind it, so that there is nothing to run.
        for data in (archive(), gzip.compress(archive()), zstd(archive())):
            self.expect(data[:len(data) // 2], PANIC, CORRUPT, NO_INIT)
        self.expect(archive()[:50], PANIC, CORRUPT, NO_INIT)

    def test_corrupt_in_the_middle(self):
        for data in (gzip.compress(archive()), zstd(archive())):
            wrong = bytearray(data)
            for at in range(len(wrong) // 3, len(wrong) // 3 + 64):
                wrong[at] ^= 0x5A
            self.expect(bytes(wrong), PANIC, CORRUPT, NO_INIT)

    def test_garbage_behind_a_good_one_is_told_of_and_init_runs(self):
        self.expect(archive() + b"garbage" * 100, RAN, CORRUPT, "init runs")

    def test_corrupt_header_fields(self):
        good = archive()
        for field in range(13):
            wrong = bytearray(good)
            wrong[6 + 8 * field:14 + 8 * field] = b"FFFFFFFF"
            got, said = self.boot(bytes(wrong))
            if got not in (PANIC, RAN):
                raise Failure(f"field {field} ended with {got}: {said[-600:]}")
            wrong[6 + 8 * field:14 + 8 * field] = b"not hex!"
            self.expect(bytes(wrong), PANIC, CORRUPT, NO_INIT)

    def test_larger_than_memory(self):
        said = self.expect(archive(("big", stat.S_IFREG | 0o644, b"x" * (100 << 20))), 1, memory="64M")
        if "initrd is too large" not in said:
            raise Failure(f"QEMU does not say so: {said[-600:]}")

    def test_unpacked_larger_than_memory(self):
        big = ("big", stat.S_IFREG | 0o644, b"x" * (100 << 20))
        full = "unpacking failed .*(the root file system is full|out of memory)"
        for data in (gzip.compress(archive(big), 1), zstd(archive(big)),
                     archive((big[0], big[1], big[2][:30 << 20]))):
            self.expect(data, RAN, full, "last name \"big\"", "init runs", memory="64M")
        # The memory of what did not fit is good for programs again.
        self.expect(archive((big[0], big[1], big[2][:30 << 20]),
                            init="#!/bin/busybox sh\n/bin/busybox rm /big\n"
                            "for i in 1 2 3 4 5 6 7 8 9 10; do /bin/busybox cat /bin/busybox; done >/file && exit 3\n"),
                    RAN, full, memory="64M")

    def test_hostile_names(self):
        regular, link = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
        said = self.expect(
            archive(("../../outside", regular, b"1"), ("/absolute", regular, b"2"),
                    ("n" * 300, regular, b"3"), ("d/" * 1500 + "deep", regular, b"4"),
                    ("loop", link, b"loop"), ("loop/inside", regular, b"5"),
                    ("one", link, b"two"), ("two", link, b"one"), ("one/inside", regular, b"6"),
                    ("nowhere/file", regular, b"7"), ("dot/../..", stat.S_IFDIR | 0o755, b""),
                    ("", regular, b"8"), ("link", link, b"x" * 5000), ("what", 0o170000 | 0o644, b"9"),
                    ("last", regular, b"last"),
                    init="#!/bin/busybox sh\n/bin/busybox cat /outside /absolute /last; exit 3\n"),
            RAN, 'left out: File name too long: "nnn', 'left out: Too many levels of symbolic links: "loop/inside"',
            'left out: Too many levels of symbolic links: "one/inside"', 'left out: No such file or directory: "nowhere/file"', "12last", "entries from")
        if "unpacking failed" in said:
            raise Failure(f"a bad name ended it: {said}")

    def test_entries_that_replace_each_other(self):
        regular, folder, link = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
        self.expect(archive(("a", folder, b""), ("a", regular, b"1"), ("b", regular, b"1"), ("b", folder, b""),
                            ("b/c", regular, b"2"), ("e", link, b"/bin"), ("e", folder, b""),
                            ("dev", regular, b""), ("init", folder, b"")),
                    RAN, "init: no console", line="quiet")

    def test_init_that_is_no_program(self):
        with open(BUSYBOX, "rb") as file:
            good = file.read()
        wrong_machine = good[:18] + struct.pack("<H", 0xB7) + good[20:]
        for data in (b"", b"\x7fELF", good[:100], wrong_machine, b"\0" * 5000, b"#!\n", b"#!/nowhere\n"):
            init = archive(init=data)
            reason = "No such file" if data == b"#!/nowhere\n" else "Exec format error"
            if reason == "Exec format error":
                self.expect(init, PANIC, rf"/init exists but cannot be run: {reason} \(error -8\)", NO_INIT)
            else:
                self.expect(init, PANIC, NO_INIT)
            self.expect(init, PANIC, f"KERNEL PANIC.*requested init /init failed: {reason}",
                        line="init=/init")

    def test_init_without_permission_or_name(self):
        self.expect(archive(("x", stat.S_IFREG | 0o644, b"")), PANIC,
                    "KERNEL PANIC.*requested init /x failed: Permission denied", line="rdinit=/x")
        self.expect(archive(), PANIC, "KERNEL PANIC.*requested init /bin failed: Permission denied", line="init=/bin")
        self.expect(archive(), PANIC, "KERNEL PANIC.*requested init /y failed: No such file", line="init=/y")

    def test_the_next_init_is_tried(self):
        self.expect(archive(("sbin", stat.S_IFDIR | 0o755, b""),
                            ("sbin/init", stat.S_IFREG | 0o755, SAYS_SO.encode()), init=b"\x7fELF"),
                    RAN, "/init exists but cannot be run", "init runs")

    def test_init_that_crashes_or_ends(self):
        self.expect(archive(init=program(b"\x0f\x0b")), (2 * (128 + 4) + 1) & 0xFF)  # UD2
        self.expect(archive(init=program(b"\x0f\x0b")), PANIC, "KERNEL PANIC.*init ended with status 0x4",
                    "us  switch to init", "us  exception 6 of a program at 0x400078", "us  page fault at 0x400078 by a program at 0x400078",
                    line="exo.exit=0")
        self.expect(archive(), PANIC, "KERNEL PANIC.*init ended with status", "last trace records of CPU 0",
                    r"us  call 231 \(exit_group\) from 0x", line="exo.exit=0")

    def test_panic_shows_what_all_cpus_did(self):
        busy = "#!/bin/busybox sh\nfor i in 1 2 3; do while :; do :; done & done\n/bin/busybox sleep 1\n"
        self.expect(archive(init=busy), PANIC, "last trace records of CPU 0", "last trace records of CPU 1",
                    "us  page fault at 0x", "us  call ", line="exo.exit=0", cpus=2)

    def test_unknown_words_are_inits(self):
        show = archive(init='#!/bin/busybox sh\nfor a; do echo "argument [$a]"; done\n'
                       'echo "HOME [$HOME] TERM [$TERM] foo [$foo] bar [$bar]"\nexit 3\n')
        said = self.expect(
            show, RAN, r"unknown parameters, passed to init: single foo=a b", r"argument \[single\]\n",
            r"argument \[after\]\nargument \[foo=4\]\nargument \[quiet\]\nargument \[x y\]\n",
            r"HOME \[/\] TERM \[vt100\] foo \[2\] bar \[\]\n",
            line='single panic=-1 foo="a b" TERM=vt100 usb.delay=7 foo=2 bar= ro -- after foo=4 quiet "x y"')
        for known in ("[panic", "[usb", "[ro]", "[exo"):
            if known in said.split("argument", 1)[1]:
                raise Failure(f"{known} is not init's: {said}")

    def test_command_line_that_is_too_long(self):
        mount = ("proc", stat.S_IFDIR | 0o755, b"")
        show = archive(mount, init="#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n"
                       "echo length $(/bin/busybox wc -c </proc/cmdline)\nexit 3\n")
        for length, cut in ((2047, False), (2048, True), (4000, True)):
            line = ("x.y " * 20_000)[:length - len("exo.exit=1 ")]
            said = self.expect(show, RAN, "length 2048\n", line=line)  # with its LF
            if cut != ("the command line is too long: cut after 2047 bytes" in said):
                raise Failure(f"{length} bytes: {said[-800:]}")
        self.expect(show, RAN, "init: unknown parameters", line="word " * 400)
        self.expect(show, RAN, "init: unknown parameters", line="a=b " * 500)


def main():
    if shutil.which("zstd") is None:
        print("there is no zstd to make initrds with")
        return 1
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    failed = 0
    names = [name for name in dir(Tests) if name.startswith("test_") and part in name]
    with tempfile.TemporaryDirectory(prefix="bad-boot-") as work:
        tests = Tests(sys.argv[1], work)
        for name in names:
            try:
                getattr(tests, name)()
                print(f"ok      {name}", flush=True)
            except Failure as why:
                failed += 1
                print(f"FAILED  {name}: {why}", flush=True)
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
