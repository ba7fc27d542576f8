"""A command in a guest, for benchmarks: the machine of `./exo run`, under Exo-OS or Debian's Linux.

Both kernels get `-cpu max,-erms`: with ERMS Linux copies by REP MOVSB, which TCG runs byte by byte.
Linux runs as Debian ships it and tuned; the better counts.
"""

import argparse
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tools/run"), os.path.join(ROOT, "image")]
import initrd as recipe  # noqa: E402
import machine  # noqa: E402
import session  # noqa: E402

# Kernel -> (kernel of machine.py, words for its command line).
KERNELS = {
    "exo": ("exo", ""),
    "linux": ("linux", "norandmaps"),
    "linux tuned": ("linux", "norandmaps init_on_alloc=0 mitigations=off"),
}
# A guest nanosecond is an instruction, and a boot repeats to the digit.
INSTRUCTIONS = ["-icount", "shift=0,sleep=off", "-seed", "42", "-rtc", "base=2020-01-01,clock=vm"]


def options(kernel, image=None, cpus=1, memory="1G", qemu=(), console=None, timeout=120):
    """What `./exo run` would parse; `image`: a kernel file in place of Exo-OS's."""
    parser = argparse.ArgumentParser()
    machine.add_options(parser)
    kind, append = KERNELS[kernel]
    made = parser.parse_args(["--kernel", image if image and kind == "exo" else kind, "--append", append,
                              "--cpu", "max,-erms", "--cpus", str(cpus), "--memory", memory])
    made.qemu = list(qemu)
    made.console, made.timeout = console, timeout
    return made


def run(made, command, files=()):
    """Standard output of `command`; ends the benchmark if it fails. `files`: (host, guest)."""
    with tempfile.TemporaryDirectory(prefix="exo-bench-") as folder:
        initrd = os.path.join(folder, "initrd")
        with open(initrd, "wb") as file:
            recipe.build(file, files=list(files))
        with tempfile.TemporaryFile() as out:
            code = session.CommandSession(made, command, initrd, source=None, out=out.fileno()).run()
            out.seek(0)
            text = out.read().decode()
    if code != 0:
        sys.exit(f"{' '.join(command)} ended with {code} under {made.kernel}")
    return text
