#!/usr/bin/env python3
"""Checks that includes only point down the layers (style: layer-down) and that no cycle exists.

A layer is a top-level folder or, below lib/ and kernel/, a folder of those. A file may include its
own layer and those layers or files listed for it here; unit tests and what they share, the host's
machine as well. Everything that is included is written from the project's root.
"""

import re
import subprocess
import sys

# Layer -> layers it may include. Order is the order of the house, lowest first.
ALLOWED = {
    "abi": [],
    "lib/base": ["abi"],
    "lib/acpi": ["abi", "lib/base"],
    "lib/elf": ["abi", "lib/base"],
    "lib/ring": ["abi", "lib/base"],
    "lib/switch": ["abi", "lib/base"],
    "lib/alloc": ["abi", "lib/base"],
    "lib/sched": ["abi", "lib/base"],
    "lib/compress": ["abi", "lib/base"],
    "lib/cpio": ["abi", "lib/base"],
    "lib/crypto": ["abi", "lib/base"],
    "lib/measure": ["abi", "lib/*"],
    "lib/pvclock": ["abi", "lib/base"],
    "lib/screen": ["abi", "lib/base"],
    "kernel/arch": ["abi", "lib/*"],
    "kernel/core": ["abi", "lib/*", "kernel/arch"],
    "kernel/object": ["abi", "lib/*", "kernel/arch", "kernel/core"],
    "kernel/mm": ["abi", "lib/*", "kernel/arch", "kernel/core", "kernel/object"],
    "kernel/fs": ["abi", "lib/*", "kernel/arch", "kernel/core", "kernel/object", "kernel/mm"],
    "kernel/drivers": ["abi", "lib/*", "kernel/arch", "kernel/core", "kernel/object", "kernel/mm"],
    "kernel/ipc": ["abi", "lib/*", "kernel/arch", "kernel/core", "kernel/object", "kernel/mm",
                   "kernel/fs"],
    "kernel/host": ["abi", "lib/*", "kernel/arch", "kernel/core", "kernel/object", "kernel/mm"],
    "kernel": ["abi", "lib/*", "kernel/*"],
    "posix_x": ["abi", "lib/*", "kernel/*", "kernel/personality.h"],
    "image": [],
    "tests": ["abi", "lib/*"],
    "bench": ["abi", "lib/*", "image"],
}
FOR_TESTS = re.compile(r"_(test|fuzz)\.cpp$|_fixture\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def layer_of(path):
    """The layer a path belongs to, or None."""
    parts = path.split("/")
    two = "/".join(parts[:2])
    if two in ALLOWED:
        return two
    return parts[0] if parts[0] in ALLOWED else None


def may_include(source, path):
    layer, target = layer_of(source), layer_of(path)
    if layer == target or (target == "kernel/host" and FOR_TESTS.search(source)):
        return True
    return any(
        allowed in (target, path) or (allowed.endswith("/*") and target.startswith(allowed[:-1]))
        for allowed in ALLOWED[layer]
    )


def sources():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--",
         "*.h", "*.cpp", "*.S", "*.def", "*.inc"],
        check=True, capture_output=True, text=True,
    )
    return listed.stdout.split()


def find_cycle(graph):
    """A cycle of files as a list, or None. Iterative depth-first search with three colours."""
    state = {}
    for root in graph:
        if root in state:
            continue
        path, stack = [], [(root, iter(graph[root]))]
        state[root] = "open"
        path.append(root)
        while stack:
            node, edges = stack[-1]
            for target in edges:
                if state.get(target) == "open":
                    return path[path.index(target):] + [target]
                if target not in state and target in graph:
                    state[target] = "open"
                    path.append(target)
                    stack.append((target, iter(graph[target])))
                    break
            else:
                state[node] = "done"
                path.pop()
                stack.pop()
    return None


def main():
    errors, graph = [], {}
    files = sources()
    known = set(files)
    for path in files:
        layer = layer_of(path)
        if layer is None:
            errors.append(f"{path}: in no layer; add it to ALLOWED in tools/check_layers.py")
            continue
        with open(path, encoding="utf-8") as source:
            included = INCLUDE.findall(source.read())
        graph[path] = included
        for target in included:
            if target not in known:
                errors.append(f'{path}: "{target}" is not a path from the project\'s root')
            elif not may_include(path, target):
                errors.append(f"{path}: {layer} must not include {target} ({layer_of(target)})")
    cycle = find_cycle(graph)
    if cycle:
        errors.append("includes form a cycle: " + " -> ".join(cycle))
    for error in errors:
        print(error, file=sys.stderr)
    print(f"{len(files)} files, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
