#!/usr/bin/env python3
"""Lines of code of the kernel, without blanks and comments, against the 50,000 it may have: kernel/ and
what its image links from lib/ and abi/. Tests, fuzz targets and what is for the host only do not count;
posix_x/, a layer of its own, is shown beside.

    count_lines.py [BUILD]        the libraries are those whose archives BUILD (build/freestanding) has
"""

import os
import re
import subprocess
import sys

LIMIT = 50_000
TOKENS = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)
NOT_LINKED = re.compile(r"(_test|_ktest|_fuzz|_bench|_fixture)\.(cpp|h)$|/host/|/model/|/sim/|kernel/core/ktest\.")


def without_comments(text, assembly):
    def replace(match):
        token = match.group(0)
        return "\n" * token.count("\n") if token.startswith("/") else token
    text = TOKENS.sub(replace, text)
    return re.sub(r"^\s*#(?!\s*(include|define|if|ifdef|ifndef|else|elif|endif|undef)\b).*$", "", text,
                  flags=re.MULTILINE) if assembly else text


def count(path):
    with open(path, encoding="utf-8") as file:
        text = without_comments(file.read(), path.endswith(".S"))
    return sum(1 for line in text.splitlines() if line.strip())


def files(folder):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", folder],
                            check=True, capture_output=True, text=True).stdout.split()
    return [path for path in listed
            if re.search(r"\.(h|cpp|S|def|ld)$", path) and not NOT_LINKED.search(path)
            and os.path.exists(path)]


def linked_libraries(build):
    """Folders of lib/ that the kernel is linked with: what its link command names, and header-only ones
    that those or the kernel include."""
    with open(f"{build}/build.ninja", encoding="utf-8") as ninja:
        command = next(line for line in ninja if "ld.lld-19" in line and "linker.ld" in line)
    return sorted(set(re.findall(r"\blib/(\w+)/libexo_\w+\.a", command)))


def included_libraries(paths):
    found = set()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found |= set(re.findall(r'^\s*#\s*include "lib/(\w+)/', file.read(), re.MULTILINE))
    return found


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build/freestanding"
    libraries = set(linked_libraries(build))
    while True:  # and what only headers bring in
        paths = files("kernel") + [path for name in libraries for path in files(f"lib/{name}")]
        more = libraries | included_libraries(paths)
        if more == libraries:
            break
        libraries = more
    rows = [("kernel", files("kernel")), ("abi", files("abi"))]
    rows += [(f"lib/{name}", files(f"lib/{name}")) for name in sorted(libraries)]
    total = 0
    for name, paths in rows:
        lines = sum(count(path) for path in paths)
        total += lines
        print(f"{name:16}{lines:8,}")
    posix = sum(count(path) for path in files("posix_x"))
    print(f"kernel: {total:,} of {LIMIT:,} lines of code; posix_x beside it: {posix:,}")
    return 1 if total > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
