#!/usr/bin/env python3
"""The ends of the machine, from its shell: power_test.py [--kernel exo|linux] [NAME...]

poweroff ends QEMU; reboot resets the machine, which comes up again, by each of the ways there are; halt
leaves it halted. Linux does the same on q35 first.
"""

import argparse
import subprocess
import sys

from terminal import Failure, Terminal

RESETS = ["--qemu=-action", "--qemu=reboot=reset"]
# SeaBIOS' own tables, which know no reset register.
OLD_ACPI = ["--qemu=-machine", "--qemu=acpi=off"]
SCREEN = ["--append", "console=tty0 console=ttyS0", "--qemu=-vga", "--qemu=std"]
BOOT_SECONDS = 120


def expect_end(terminal):
    """0: it powered off."""
    try:
        status = terminal.process.wait(30)
    except subprocess.TimeoutExpired:
        raise Failure("the machine goes on") from None
    if status != 0:
        raise Failure(f"./exo run ends with {status}")


def power_off(terminal):
    terminal.type(b"poweroff -f\r")
    expect_end(terminal)


def restart(terminal):
    terminal.type(b": >/tmp/before; reboot -f\r")
    comes_up_again(terminal)


def comes_up_again(terminal):
    terminal.wait(b"Restarting system")
    terminal.wait(b"# ", BOOT_SECONDS)
    terminal.line(b"test -e /tmp/before || echo a new system", b"\na new system\n")


def press_keys(terminal):
    terminal.line(b": >/tmp/before")
    # QEMU's monitor, which Ctrl-A C switches to and from.
    terminal.type(b"\x01csendkey ctrl-alt-delete\r\x01c")
    comes_up_again(terminal)


def halt(terminal):
    terminal.type(b"halt -f\r")
    terminal.wait(b"System halted")
    terminal.type(b"\recho still $((1+1)) there\r")
    try:
        terminal.wait(b"still 2 there", 2)
    except Failure:
        if terminal.process.poll() is not None:
            raise Failure("QEMU has ended") from None
        terminal.type(b"\x01x")
        return expect_end(terminal)
    raise Failure("the shell goes on")


# Name, kernels, options of ./exo run, what is done.
CASES = [
    ("poweroff", ("linux", "exo"), ["--cpus=2"], power_off),
    ("poweroff_microvm", ("exo",), ["--machine=microvm"], power_off),
    ("reboot", ("linux", "exo"), RESETS + ["--cpus=2"], restart),
    ("reboot_microvm", ("exo",), RESETS + ["--machine=microvm"], restart),
    ("reboot_without_reset_register", ("exo",), RESETS + OLD_ACPI, restart),
    ("reboot_by_keyboard_controller", ("exo",), RESETS + ["--append=reboot=k"], restart),
    ("reboot_by_triple_fault", ("exo",), RESETS + ["--append=reboot=t", "--machine=microvm"], restart),
    ("reboot_by_keys", ("exo",), RESETS + SCREEN, press_keys),
    ("halt", ("linux", "exo"), ["--cpus=2"], halt),
]


def run(kernel, options, action):
    terminal = Terminal(kernel, options)
    try:
        terminal.wait(b"# ", BOOT_SECONDS)
        action(terminal)
    finally:
        terminal.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", choices=["exo", "linux"])
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args()
    count = failed = 0
    for name, kernels, options, action in CASES:
        if wanted.names and name not in wanted.names:
            continue
        for kernel in kernels:
            if wanted.kernel not in (None, kernel):
                continue
            count += 1
            try:
                run(kernel, options, action)
                print(f"ok      {name} ({kernel})", flush=True)
            except Failure as error:
                failed += 1
                print(f"FAILED  {name} ({kernel}): {error}", flush=True)
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
