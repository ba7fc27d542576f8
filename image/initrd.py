#!/usr/bin/env python3
"""Builds the initrd: initrd.py OUT [--compress none|gzip|zstd] [HOST:GUEST...]

A cpio archive (newc, Linux: Documentation/driver-api/early-userspace/buffer-format.rst) of Debian's
busybox-static with its applets as links, the init of image/init and a few files of /etc. The same
input gives the same bytes. HOST:GUEST adds a file or a directory.
"""

import argparse
import os
import stat
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INIT = "build/user/image/init"
BUSYBOX = "/bin/busybox"

DIRECTORIES = ["bin", "sbin", "usr", "usr/bin", "usr/sbin", "etc", "dev", "proc", "sys", "root",
               "home", "mnt", "run", "var", "var/log"]
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "etc/hostname": "exo\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/shells": "/bin/sh\n",
    "etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nPS1='\\w \\$ '\ncd\n",
}


class Archive:
    """Entries in the order they are added; parents come first."""

    def __init__(self):
        self.chunks = []
        self.names = set()

    def add(self, name, mode, data=b"", device=(0, 0)):
        name = name.strip("/")
        if name in self.names:
            return
        parent = os.path.dirname(name)
        if parent and parent not in self.names:
            self.add(parent, stat.S_IFDIR | 0o755)
        self.names.add(name)
        self._entry(name, mode, data, device, len(self.names))

    def _entry(self, name, mode, data, device, inode):
        encoded = name.encode() + b"\0"
        fields = [inode, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0, len(data), 0, 0, *device,
                  len(encoded), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self.chunks.append(header + b"\0" * (-len(header) % 4))
        self.chunks.append(data + b"\0" * (-len(data) % 4))

    def add_tree(self, host, guest):
        if os.path.islink(host):
            self.add(guest, stat.S_IFLNK | 0o777, os.readlink(host).encode())
        elif os.path.isdir(host):
            self.add(guest, stat.S_IFDIR | stat.S_IMODE(os.stat(host).st_mode))
            for name in sorted(os.listdir(host)):
                self.add_tree(os.path.join(host, name), f"{guest}/{name}")
        else:
            with open(host, "rb") as file:
                self.add(guest, stat.S_IFREG | stat.S_IMODE(os.stat(host).st_mode), file.read())

    def finish(self):
        self._entry("TRAILER!!!", 0, b"", (0, 0), 0)
        data = b"".join(self.chunks)
        return data + b"\0" * (-len(data) % 512)


def applets():
    """Paths of busybox's applets, such as bin/ls."""
    listing = subprocess.run([BUSYBOX, "--list-full"], check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.split() if os.path.basename(path) not in ("busybox", "init")]


def build(files=()):
    """The archive's bytes. `files`: (path on the host, path in the guest)."""
    init = os.path.join(ROOT, INIT)
    for needed, hint in ((init, "./exo build user makes it"), (BUSYBOX, "package busybox-static")):
        if not os.path.exists(needed):
            raise FileNotFoundError(f"{needed} is missing; {hint}")
    archive = Archive()
    for name in DIRECTORIES:
        archive.add(name, stat.S_IFDIR | (0o700 if name == "root" else 0o755))
    archive.add("tmp", stat.S_IFDIR | 0o1777)
    # What Linux opens for init before a devtmpfs is mounted.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    for host, guest in files:
        archive.add_tree(host, guest)
    for name, text in TEXTS.items():
        archive.add(name, stat.S_IFREG | 0o644, text.encode())
    with open(init, "rb") as file:
        archive.add("init", stat.S_IFREG | 0o755, file.read())
    with open(BUSYBOX, "rb") as file:
        archive.add("bin/busybox", stat.S_IFREG | 0o755, file.read())
    for path in applets():
        archive.add(path, stat.S_IFLNK | 0o777, b"/bin/busybox")
    return archive.finish()


def compress(data, how):
    if how == "none":
        return data
    command = {"gzip": ["gzip", "-9n"], "zstd": ["zstd", "-q", "-19"]}[how]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def parse_file(text):
    host, separator, guest = text.rpartition(":")
    if not separator or not os.path.lexists(host):
        raise ValueError(f"--file takes HOST:GUEST with a file that is there, not {text!r}")
    return host, guest


def main():
    parser = argparse.ArgumentParser(prog="./exo image", description="Builds the initrd that ./exo run boots.")
    parser.add_argument("out", nargs="?", default="build/initrd.cpio", help="(default build/initrd.cpio)")
    parser.add_argument("--compress", choices=["none", "gzip", "zstd"], default="none")
    parser.add_argument("--file", action="append", default=[], metavar="HOST:GUEST",
                        help="adds a file or directory; may be repeated")
    options = parser.parse_args()
    try:
        data = compress(build([parse_file(text) for text in options.file]), options.compress)
        with open(options.out, "wb") as out:
            out.write(data)
    except (OSError, ValueError) as error:
        print(f"exo: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {len(data) >> 10} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
