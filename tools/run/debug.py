#!/usr/bin/env python3
"""./exo debug: boots Exo-OS stopped before its first instruction, with gdb attached, the kernel's
symbols and the commands of tools/gdb/exo.py. The console goes to a file."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import machine
import run


def parse():
    parser = argparse.ArgumentParser(
        prog="./exo debug", description=__doc__.split(": ", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    run.recipe.add_options(machine.add_options(parser))
    parser.add_argument("--console", metavar="FILE", default="build/log/debug-console.log",
                        help="the first serial port's output (default %(default)s)")
    parser.add_argument("--ex", action="append", default=[], metavar="COMMAND",
                        help="a command for gdb once it is attached; with these gdb ends after the last")
    return parser.parse_args()


def main():
    options = parse()
    if not shutil.which("gdb"):
        machine.complain("gdb is missing; ./exo setup installs it")
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="exo-debug-") as folder:
            return debug(options, folder)
    except machine.RunError as error:
        machine.complain(error)
        return 125


def debug(options, folder):
    gate = os.path.join(folder, "gdb")
    os.makedirs(os.path.dirname(os.path.abspath(options.console)), exist_ok=True)
    append = machine.command_line(options, []) + " -- shell"
    arguments = machine.qemu(options, append, run.make_initrd(options, folder),
                             [f"file,id=?,path={options.console}", "null,id=?"])
    arguments += ["-S", "-chardev", f"socket,id=gdb,path={gate},server=on,wait=off", "-gdb", "chardev:gdb"]
    emulator = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, start_new_session=True)
    while not os.path.exists(gate) and emulator.poll() is None:
        time.sleep(0.02)
    print(f"the console: tail -f {options.console}")
    commands = ["set pagination off", "source tools/gdb/exo.py", f"target remote {gate}", *options.ex]
    gdb = ["gdb", "-q", machine.kernel_image(options.kernel)]
    if options.ex:
        gdb.append("-batch")
    for command in commands:
        gdb += ["-ex", command]
    try:
        return subprocess.run(gdb, cwd=machine.ROOT, check=False).returncode
    finally:
        if emulator.poll() is None:
            emulator.terminate()
        emulator.wait()


if __name__ == "__main__":
    sys.exit(main())
