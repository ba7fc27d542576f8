"""Debian user lands by recipe: image/recipes/NAME is a list of packages, which mmdebstrap turns into a
tree and this into a cpio archive, kept below build/images until the recipe or this file changes."""

import glob
import hashlib
import os
import stat
import subprocess
import sys
import tarfile
import time

from cpio import Archive

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.path.dirname(HERE), "build", "images")
SUITE = "bookworm"
# What a guest without manuals and translations does not need is two thirds of the bytes.
LEFT_OUT = ["/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*"]
KEPT = ["/usr/share/doc/*/copyright"]
# Left by the installation, of no use in a guest that starts from memory each time.
DROPPED = ("var/cache/apt/", "var/lib/apt/lists/", "var/log/", "dev/")
OVERRIDDEN = {
    "etc/hostname": b"exo\n",
    "etc/hosts": b"127.0.0.1 localhost exo\n",
    "etc/resolv.conf": b"",
}


class RecipeError(Exception):
    """The recipe is not there, or could not be cooked."""


def names():
    return sorted(os.path.basename(path) for path in glob.glob(os.path.join(HERE, "recipes", "*")))


def packages(name):
    if name not in names():
        raise RecipeError(f"--image: no recipe {name!r}; there are busybox, {', '.join(names())}")
    with open(os.path.join(HERE, "recipes", name), encoding="ascii") as file:
        lines = [line.partition("#")[0].strip() for line in file]
    return [line for line in lines if line]


def archive(name):
    """The path of the recipe's archive, made now if need be."""
    wanted = packages(name)
    key = hashlib.sha256("\n".join(wanted).encode())
    for source in ("userland.py", "cpio.py"):
        with open(os.path.join(HERE, source), "rb") as file:
            key.update(file.read())
    path = os.path.join(CACHE, f"{name}-{key.hexdigest()[:16]}.cpio")
    if not os.path.exists(path):
        os.makedirs(CACHE, exist_ok=True)
        cook(name, wanted, path)
        for old in glob.glob(os.path.join(CACHE, f"{name}-*.cpio")):
            if old != path:
                os.unlink(old)
    return path


def cook(name, wanted, path):
    began = time.monotonic()
    progress = Progress(f"making the user land '{name}', once")
    log_path = os.path.join(CACHE, f"{name}.log")
    part = f"{path}.{os.getpid()}"
    tree = f"{part}.tar"
    try:
        with open(log_path, "wb") as log:
            bootstrap(wanted, tree, log, progress)
        with open(part, "wb") as out:
            convert(tree, out, progress)
        os.rename(part, path)
    except (OSError, tarfile.TarError, subprocess.CalledProcessError) as error:
        raise RecipeError(f"making '{name}' failed ({error}); mmdebstrap's output is in {log_path}") from error
    finally:
        for left in (part, tree):
            if os.path.exists(left):
                os.unlink(left)
    progress.done(f"{os.path.getsize(path) >> 20} MiB in {time.monotonic() - began:.0f} s")


def bootstrap(wanted, tree, log, progress):
    command = ["mmdebstrap", "--variant=minbase", "--verbose", f"--include={','.join(wanted)}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    command += [f"--dpkgopt=path-include={pattern}" for pattern in KEPT]
    began = time.monotonic()
    with subprocess.Popen(command + [SUITE, tree], stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        while True:
            try:
                status = process.wait(0.5)
                break
            except subprocess.TimeoutExpired:
                progress.step(f"installing {len(wanted)} packages and what they need, {time.monotonic() - began:.0f} s")
    if status != 0:
        raise subprocess.CalledProcessError(status, "mmdebstrap")


def clean(name):
    return name.removeprefix("./").strip("/")


def convert(tree, out, progress):
    """A tar file as a cpio archive. All names of a file must be known when its first is written."""
    target = Archive(out)
    others = {}
    with tarfile.open(tree) as tar:
        for entry in tar:
            if entry.islnk():
                others.setdefault(clean(entry.linkname), []).append(clean(entry.name))
        for entry in tar:
            name = clean(entry.name)
            if entry.islnk() or name in ("", ".") or (name.startswith(DROPPED) and not entry.isdir()):
                continue
            progress.step(f"{name[:40]}, {out.tell() >> 20} MiB")
            add(target, tar, entry, name, others.get(name, []))
    for name, data in OVERRIDDEN.items():
        target.add(name, stat.S_IFREG | 0o644, data)
    # What Linux opens for init before a devtmpfs is mounted.
    target.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    target.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    target.finish()


def add(target, tar, entry, name, others):
    about = {"owner": (entry.uid, entry.gid), "modified": int(entry.mtime)}
    if entry.isdir():
        target.add(name, stat.S_IFDIR | entry.mode, **about)
    elif entry.issym():
        target.add(name, stat.S_IFLNK | 0o777, entry.linkname.encode(errors="surrogateescape"), **about)
    elif entry.isfile():
        data = OVERRIDDEN.get(name)
        if data is None:
            data = tar.extractfile(entry).read()
        if others:
            target.add_links([name, *others], stat.S_IFREG | entry.mode, data, **about)
        else:
            target.add(name, stat.S_IFREG | entry.mode, data, **about)
    elif entry.ischr() or entry.isblk():
        kind = stat.S_IFCHR if entry.ischr() else stat.S_IFBLK
        target.add(name, kind | entry.mode, device=(entry.devmajor, entry.devminor), **about)
    elif entry.isfifo():
        target.add(name, stat.S_IFIFO | entry.mode, **about)


class Progress:
    """One line on a terminal that is written over; on anything else its beginning and its end."""

    def __init__(self, what):
        self.what = what
        self.terminal = sys.stderr.isatty()
        self.last = 0.0
        if not self.terminal:
            print(f"exo: {what} ...", file=sys.stderr)
        else:
            self.step("starting")

    def step(self, text):
        now = time.monotonic()
        if self.terminal and now - self.last > 0.2:
            print(f"\r\033[Kexo: {self.what}: {text}", end="", file=sys.stderr, flush=True)
            self.last = now

    def done(self, text):
        start = "\r\033[K" if self.terminal else ""
        print(f"{start}exo: {self.what}: {text}", file=sys.stderr)
