"""Writes cpio archives in the "new ASCII" format, newc (Linux:
Documentation/driver-api/early-userspace/buffer-format.rst)."""

import os
import stat

PAGE = 4096
NAME_MAX = 4096  # with its NULs; Linux and Exo-OS skip or refuse what is longer
HEADER = 110
TRAILER = "TRAILER!!!"
# Data of at least so many bytes begins at a page, so that a kernel may keep the page itself.
ALIGNED_FROM = 4 * PAGE


class Archive:
    """Entries in the order they are added, parents first; goes to `out` as it grows.

    Data is aligned within the archive, so an archive that follows another begins at a page."""

    def __init__(self, out, present=()):
        """`present`: directories that are there already, by an earlier archive."""
        self.out = out
        self.at = 0
        self.present = present
        self.names = set()
        self.inodes = 0

    def add(self, name, mode, data=b"", device=(0, 0), owner=(0, 0), modified=0):
        """Once: what has the name already stays."""
        name = name.strip("/")
        if name in self.names:
            return
        self._add_parents(name)
        self.names.add(name)
        self.inodes += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        self._entry(name, self.inodes, mode, links, data, device, owner, modified)

    def add_links(self, names, mode, data, owner, modified):
        """One file with several names."""
        self.inodes += 1
        for name in names:
            self._add_parents(name)
            self.names.add(name)
            last = name == names[-1]
            self._entry(name, self.inodes, mode, len(names), data if last else b"", (0, 0), owner, modified)

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
        self._entry(TRAILER, 0, 0, 1, b"", (0, 0), (0, 0), 0)
        self._write(b"\0" * (-self.at % PAGE))

    def _add_parents(self, name):
        parent = os.path.dirname(name)
        if parent and parent not in self.names and parent not in self.present:
            self.add(parent, stat.S_IFDIR | 0o755)

    def _entry(self, name, inode, mode, links, data, device, owner, modified):
        encoded = name.encode(errors="surrogateescape") + b"\0"
        if len(data) >= ALIGNED_FROM:
            # More NULs behind the name: what reads it stops at the first.
            padding = -(self.at + HEADER + len(encoded)) % PAGE
            if len(encoded) + padding <= NAME_MAX:
                encoded += b"\0" * padding
        fields = [inode, mode, *owner, links, modified, len(data), 0, 0, *device, len(encoded), 0]
        self._write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self._write(b"\0" * (-self.at % 4))
        self._write(data)
        self._write(b"\0" * (-self.at % 4))

    def _write(self, data):
        self.out.write(data)
        self.at += len(data)


def names(file):
    """The names in an archive, from an open file at its beginning."""
    found = set()
    while True:
        header = file.read(HEADER)
        size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        name = file.read(name_size).split(b"\0", 1)[0].decode(errors="surrogateescape")
        if name == TRAILER:
            return found
        found.add(name)
        file.seek(-(HEADER + name_size) % 4 + size + -size % 4, os.SEEK_CUR)
