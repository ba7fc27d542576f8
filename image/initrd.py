#!/usr/bin/env python3
"""Builds the initrd: a user land (Debian by recipe, or busybox alone), and behind it an archive of what
is of this tree: the init of image/init, files that were asked for. The same input gives the same bytes.
"""

import argparse
import os
import shutil
import stat
import subprocess
import sys

import cpio
import userland

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INIT = "build/user/image/init"
BUSYBOX = "/bin/busybox"
BUSYBOX_IMAGE = "busybox"
DEFAULT_IMAGE = "debian"  # of what people type

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


def applets():
    """Paths of busybox's applets, such as bin/ls."""
    listing = subprocess.run([BUSYBOX, "--list-full"], check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.split() if os.path.basename(path) not in ("busybox", "init")]


def add_busybox(archive):
    """Debian's busybox-static with its applets as links, and a few files of /etc."""
    for name in DIRECTORIES:
        archive.add(name, stat.S_IFDIR | (0o700 if name == "root" else 0o755))
    archive.add("tmp", stat.S_IFDIR | 0o1777)
    # What Linux opens for init before a devtmpfs is mounted.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    for name, text in TEXTS.items():
        archive.add(name, stat.S_IFREG | 0o644, text.encode())
    with open(BUSYBOX, "rb") as file:
        archive.add("bin/busybox", stat.S_IFREG | 0o755, file.read())
    for path in applets():
        archive.add(path, stat.S_IFLNK | 0o777, b"/bin/busybox")


def build(out, image=BUSYBOX_IMAGE, files=()):
    """Writes the archive to `out`. `files`: (path on the host, path in the guest), over what the image has."""
    init = os.path.join(ROOT, INIT)
    for needed, hint in ((init, "./exo build user makes it"), (BUSYBOX, "package busybox-static")):
        if not os.path.exists(needed):
            raise FileNotFoundError(f"{needed} is missing; {hint}")
    present = set()
    if image != BUSYBOX_IMAGE:
        with open(userland.archive(image), "rb") as base:
            present = cpio.names(base)
            base.seek(0)
            shutil.copyfileobj(base, out, 1 << 20)
    archive = cpio.Archive(out, present)
    for host, guest in files:
        archive.add_tree(host, guest)
    with open(init, "rb") as file:
        archive.add("init", stat.S_IFREG | 0o755, file.read())
    if image == BUSYBOX_IMAGE:
        add_busybox(archive)
    archive.finish()


def images():
    return [BUSYBOX_IMAGE, *userland.names()]


def add_options(parser):
    """What is in the initrd."""
    parser.add_argument("--image", choices=images(), default=DEFAULT_IMAGE,
                        help=f"the user land: {', '.join(images())} (default {DEFAULT_IMAGE})")
    parser.add_argument("--file", action="append", default=[], metavar="HOST:GUEST", type=parse_file,
                        help="adds a file or directory; may be repeated")


def compress(path, how):
    command = {"gzip": ["gzip", "-9n"], "zstd": ["zstd", "-q", "-19", "-T0", "--rm"]}[how]
    subprocess.run([*command, "-f", path], check=True)
    os.replace(path + {"gzip": ".gz", "zstd": ".zst"}[how], path)


def parse_file(text):
    host, separator, guest = text.rpartition(":")
    if not separator or not os.path.lexists(host):
        raise argparse.ArgumentTypeError(f"HOST:GUEST with a file that is there, not {text!r}")
    return host, guest


def main():
    parser = argparse.ArgumentParser(prog="./exo image", description="Builds the initrd that ./exo run boots.")
    parser.add_argument("out", nargs="?", default="build/initrd.cpio", help="(default build/initrd.cpio)")
    parser.add_argument("--compress", choices=["none", "gzip", "zstd"], default="none")
    add_options(parser)
    options = parser.parse_args()
    try:
        with open(options.out, "wb") as out:
            build(out, options.image, options.file)
        if options.compress != "none":
            compress(options.out, options.compress)
    except (OSError, userland.RecipeError, subprocess.CalledProcessError) as error:
        print(f"exo: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {os.path.getsize(options.out) >> 10} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
