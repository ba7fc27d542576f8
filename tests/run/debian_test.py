#!/usr/bin/env python3
"""Debian's programs beside Linux: debian_test.py [--only PART-OF-A-NAME] [--show]

The cases of debian/*.txt (guest_cases.py): programs on the trees of the image itself, tools that look at the system, and
bad input and limits, where errors must be Linux's and the system goes on.
"""

import sys

import guest_cases

HOLLOW = (b"command not found", b"Function not implemented")
# bash names a job that a signal ended by its number, dd says how long it took.
DIFFERING = ((rb"(line \d+:) +\d+ (?=[A-Z])", rb"\1 N "), (rb"copied, [^,\n]* s, .*/s", rb"copied"))
SUITE = guest_cases.Suite(f"{guest_cases.HERE}/debian", "debian", "bash", 60, HOLLOW, DIFFERING)

if __name__ == "__main__":
    sys.exit(guest_cases.main(SUITE, __doc__))
