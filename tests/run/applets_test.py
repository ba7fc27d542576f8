#!/usr/bin/env python3
"""Applets of busybox beside Linux: applets_test.py [--only PART-OF-A-NAME] [--show]

The cases of applets/*.txt (guest_cases.py) name the applets they are about: every applet is in a case or, with a
reason, in applets/left_out.txt.
"""

import subprocess
import sys

import guest_cases

# busybox has no message for a command of its own that it lacks but these.
HOLLOW = (b"applet not found", b": not found", b"Function not implemented", b"Unknown applet")
SUITE = guest_cases.Suite(f"{guest_cases.HERE}/applets", "busybox", "sh", 30, HOLLOW)


def uncovered(cases):
    """Applets in neither list, and those in both or in none of busybox's."""
    listing = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    applets = set(listing.stdout.split())
    covered = {name for case in cases for name in case.subjects}
    left_out = set()
    with open(f"{SUITE.directory}/left_out.txt", encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                left_out |= set(line.partition(":")[2].split())
    wrong = [f"{name}: neither tested nor left out" for name in sorted(applets - covered - left_out)]
    wrong += [f"{name}: tested and left out" for name in sorted(covered & left_out)]
    wrong += [f"{name}: not an applet" for name in sorted((covered | left_out) - applets)]
    return wrong


if __name__ == "__main__":
    sys.exit(guest_cases.main(SUITE, __doc__, uncovered))
