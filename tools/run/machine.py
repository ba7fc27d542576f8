"""The machine that `./exo run`, `debug`, `trace` and the tests boot: QEMU's command line."""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXO_KERNEL = "build/freestanding/kernel/exo-kernel"


class RunError(Exception):
    """Ends the command with its text and exit code 125."""


def has_hardware_virtualisation():
    """Not /dev/kvm: some machines show one that works for paravirtual guests only, and is a
    thousand times slower than TCG."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
            return re.search(r"^flags\s*:.*\b(vmx|svm)\b", info.read(), re.MULTILINE) is not None
    except OSError:
        return False


def choose_accel(wanted):
    if wanted != "auto":
        return wanted
    if has_hardware_virtualisation() and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "kvm"
    return "tcg"


def kernel_image(kind):
    if kind == "exo":
        path = os.path.join(ROOT, EXO_KERNEL)
        if not os.path.exists(path):
            raise RunError(f"no kernel at {EXO_KERNEL}; ./exo build freestanding makes it")
        return path
    if kind == "linux":
        def version(path):
            return [int(part) for part in re.findall(r"\d+", os.path.basename(path))]
        images = sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"), key=version)
        if not images:
            raise RunError("no Linux in /boot: the package is linux-image-cloud-amd64")
        return images[-1]
    if not os.path.exists(kind):
        raise RunError(f"--kernel: exo, linux or a file; there is no file {kind!r}")
    return kind


def command_line(options, extra):
    """The kernel's, up to what goes to init. `extra`: words of the caller."""
    words = ["console=ttyS0", "panic=-1", "exo.exit=1"]
    if not options.verbose:
        words.append("quiet")
    words += extra
    if options.append:
        words.append(options.append)
    return " ".join(words)


def default_memory(initrd):
    """An initrd is in memory twice while it is unpacked."""
    large = initrd and os.path.getsize(initrd) > 64 << 20
    return "1G" if large else "256M"


def qemu(options, append, initrd, serials):
    """`serials`: what each serial port is, as QEMU's -serial takes it."""
    accel = choose_accel(options.accel)
    machine = f"{options.machine},accel={accel}"
    if options.machine == "microvm":
        machine += ",isa-serial=off,rtc=on"
    arguments = [
        "qemu-system-x86_64", "-machine", machine, "-cpu", options.cpu or "max", "-smp", str(options.cpus),
        "-m", options.memory or default_memory(initrd), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-kernel", kernel_image(options.kernel), "-append", append,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    ]
    if initrd:
        arguments += ["-initrd", initrd]
    for number, serial in enumerate(serials):
        if serial is None:
            continue
        arguments += ["-chardev", serial.replace("id=?", f"id=serial{number}"),
                      "-device", f"isa-serial,index={number},chardev=serial{number}"]
    return arguments + options.qemu


def add_options(parser):
    """The options that describe a machine, the same for every command that boots one."""
    group = parser.add_argument_group("the machine")
    group.add_argument("--kernel", default="exo", metavar="exo|linux|FILE",
                       help="Exo-OS (default), Debian's cloud kernel on the same machine and initrd, or an image")
    group.add_argument("--cpus", type=positive, default=1, metavar="N", help="CPUs (default 1)")
    group.add_argument("--memory", type=memory_size, metavar="SIZE",
                       help="such as 64M or 2G (default 256M, with a large image 1G)")
    group.add_argument("--machine", choices=["q35", "microvm"], default="q35")
    group.add_argument("--accel", choices=["auto", "kvm", "tcg"], default="auto",
                       help="auto (default): KVM where the CPU has vmx or svm, else TCG")
    group.add_argument("--cpu", metavar="MODEL", help="QEMU's -cpu (default max)")
    group.add_argument("--append", metavar="TEXT", help="more for the kernel's command line")
    group.add_argument("--initrd", metavar="FILE", help="an initrd instead of the one built")
    group.add_argument("--qemu", action="append", default=[], metavar="ARGUMENT",
                       help="one more argument for QEMU; may be repeated (--qemu=-icount ...)")
    group.add_argument("--verbose", action="store_true", help="the kernel says what it does on the console")
    return group


def positive(text):
    value = int(text)
    if not 1 <= value <= 64:
        raise ValueError(text)
    return value


def memory_size(text):
    if not re.fullmatch(r"[1-9][0-9]*[MG]", text):
        raise ValueError(text)
    return text


def complain(message):
    red, plain = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}exo:{plain} {message}", file=sys.stderr)
