#!/usr/bin/env python3
"""Runs the benchmark programs of a group, collects their rows, prints them beside their peers.

A program prints one JSON object a line (bench/core/harness/report.h). A row meets its target when
its value is at most (at least, where higher is better) the target; a miss must carry a note that
says why, or this ends with 1. Operations beside Linux (bench/kernel/operations.py) have a ratio in the
value's place, and a table of their own. Called by `./exo bench`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys

# Group -> part -> command, run in this order; {build} is the release build.
PROGRAMS = {
    "core": {
        "ring": ["{build}/bench/core/ring/bench_ring"],
        "switch": ["{build}/bench/core/switch/bench_switch"],
        "alloc": ["{build}/bench/core/alloc/bench_alloc"],
        "alloc.programs": ["python3", "bench/core/alloc/programs.py", "{build}"],
        "sched": ["{build}/bench/core/sched/bench_sched"],
    },
    "kernel": {
        "instructions": ["python3", "bench/kernel/operations.py", "instructions"],
        "time": ["python3", "bench/kernel/operations.py", "time"],
        "inside": ["python3", "bench/kernel/inside.py"],
        "boot": ["python3", "bench/kernel/boot.py"],
    },
}
BUILD = "build/release"


def run(part, command):
    """The rows that a program prints; its progress goes to our standard error."""
    command = [word.format(build=BUILD) for word in command]
    print(f"-- {part}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def is_operation(row):
    return "ratio" in row


def met(row):
    """True or False; None for a row without a target."""
    if row.get("target") is None:
        return None
    if is_operation(row):
        return row["ratio"] <= row["target"]
    if row["value"] is None:
        return False
    if row["better"] == "lower":
        return row["value"] <= row["target"]
    return row["value"] >= row["target"]


def full_name(row):
    return f"{row['name']} ({row['mode']})" if is_operation(row) else row["name"]


def verdict(row):
    ok = met(row)
    if ok is None:
        return ""
    if ok:
        return "met"
    return "missed, see note" if row.get("note") else "MISSED"


def number(value):
    if value is None:
        return "-"
    if value and abs(value) < 10:
        return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.1f} M"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"


def peers_text(row):
    order = sorted(row["peers"].items(), key=lambda item: (item[1] is None, item[1]),
                   reverse=row["better"] == "higher")
    return ", ".join(f"{name} {number(value)}" for name, value in order)


def print_operation(row, text):
    print(f"{row['name']:<40} {row['mode']:<13} {number(row['exo']):>9} linux {number(row['linux']):>9}"
          f" tuned {number(row['linux_tuned']):>9}  ratio {row['ratio']:6.3f} target {row['target']:4.2f}  {text}")
    if row["note"]:
        print(f"{'':<40} note: {row['note']}")


def print_table(rows):
    colour = sys.stdout.isatty()
    for row in rows:
        text = verdict(row)
        if colour and text:
            text = f"\033[{'32' if text == 'met' else '31'}m{text}\033[0m"
        if is_operation(row):
            print_operation(row, text)
            continue
        print(f"{row['name']:<34} {number(row['value']):>10} {row['unit']:<12}"
              f" p99 {number(row['p99'] or None):>9}  target {number(row.get('target')):>9}  {text}")
        if row["peers"]:
            print(f"{'':<34} peers: {peers_text(row)}")
        if row.get("note"):
            print(f"{'':<34} note: {row['note']}")


def machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def markdown_operations(rows):
    """One table a mode, and what misses."""
    out = []
    for mode in dict.fromkeys(row["mode"] for row in rows):
        mine = [row for row in rows if row["mode"] == mode]
        out += [f"{mode} ({mine[0]['unit']}):", "",
                "| operation | Exo-OS | Debian's Linux | tuned | ratio | target | |",
                "| --- | ---: | ---: | ---: | ---: | ---: | --- |"]
        out += [f"| {row['name']} | {number(row['exo'])} | {number(row['linux'])} | {number(row['linux_tuned'])} |"
                f" {row['ratio']:.3f} | {row['target']:g} | {verdict(row)} |" for row in mine]
        out += [""] + [f"- {row['name']}: {row['note']}" for row in mine if row["note"]] + [""]
    return out


def markdown(rows, group):
    operations = [row for row in rows if is_operation(row)]
    rows = [row for row in rows if not is_operation(row)]
    out = markdown_operations(operations) + (markdown_rows(rows, group) if rows else [])
    return "\n".join(out) + "\n"


def markdown_rows(rows, group):
    out = [f"`./exo bench {group}` on {machine()}. Medians; every peer in the same run.", "",
           "| figure | unit | value | p99 | target | | peers | rule |",
           "| --- | --- | ---: | ---: | ---: | --- | --- | --- |"]
    for row in rows:
        out.append(
            f"| `{row['name']}` | {row['unit']} | {number(row['value'])} |"
            f" {number(row['p99'] or None)} | {number(row.get('target'))} | {verdict(row)} |"
            f" {peers_text(row)} | {row.get('rule', '')} |")
    notes = [f"- `{row['name']}`: {row['note']}" for row in rows if row.get("note")]
    if notes:
        out += ["", "Notes:", ""] + notes
    return out


def main():
    parser = argparse.ArgumentParser(prog="./exo bench", description=__doc__)
    parser.add_argument("groups", nargs="+", choices=sorted(PROGRAMS))
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--markdown", metavar="FILE")
    parser.add_argument("--only", metavar="PART")
    options = parser.parse_args()

    rows, texts = [], []
    for group in options.groups:
        parts = PROGRAMS[group]
        if options.only:
            parts = {name: command for name, command in parts.items()
                     if name.split(".")[0] == options.only}
            if not parts:
                sys.exit(f"bench: no part '{options.only}' in {group}; there are: "
                         + ", ".join(sorted({name.split('.')[0] for name in PROGRAMS[group]})))
        group_rows = [row for part, command in parts.items() for row in run(part, command)]
        print_table(group_rows)
        texts.append(markdown(group_rows, group))
        rows += group_rows
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(rows, out, indent=1)
            out.write("\n")
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as out:
            out.write("\n".join(texts))

    unexplained = [full_name(row) for row in rows if met(row) is False and not row.get("note")]
    explained = [full_name(row) for row in rows if met(row) is False and row.get("note")]
    print(f"{len(rows)} rows, {sum(met(row) is True for row in rows)} met,"
          f" {len(explained)} missed with a note, {len(unexplained)} missed without")
    if unexplained:
        print("missed without a note: " + ", ".join(unexplained), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
