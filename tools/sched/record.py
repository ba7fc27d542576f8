#!/usr/bin/env python3
"""Records how a real program's threads run, sleep and wake each other, for the scheduler simulator.

    sudo tools/sched/record.py --name compile --seconds 20 -o compile.trace -- make -j4

Runs CMD under `perf sched record`, keeps CMD's descendants, and writes the text format that
lib/sched/sim/trace.h documents. --from FILE converts an existing perf.data instead.

What is kept of a thread: CPU time between two blocks (time spent preempted does not count), whom it
wakes or starts at which point of it, and how each block ended: by a thread of the same recording
(replayed as cause and effect) or by anything else, such as a timer or a device (replayed as a
sleep of the recorded length). A wake-up raised by an interrupt that hits a recorded thread is
counted as that thread's: perf's text does not tell them apart.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

EVENT = re.compile(r"^\s*(?P<comm>.*?)\s+(?P<tid>\d+)\s+\[(?P<cpu>\d+)\]\s+(?P<time>\d+\.\d+):\s+"
                   r"sched:(?P<event>\w+):\s+(?P<fields>.*)$")
SWITCH = re.compile(r"prev_comm=(?P<prev_comm>.*) prev_pid=(?P<prev>\d+) prev_prio=(?P<prio>-?\d+) "
                    r"prev_state=(?P<state>\S+) ==> next_comm=(?P<comm>.*) next_pid=(?P<next>\d+) "
                    r"next_prio=(?P<next_prio>-?\d+)")
WAKING = re.compile(r"comm=.* pid=(?P<pid>\d+) prio=")
FORK = re.compile(r"comm=.* pid=(?P<pid>\d+) child_comm=.* child_pid=(?P<child>\d+)")

EVENTS = ["sched:sched_switch", "sched:sched_waking", "sched:sched_process_fork"]
LAST_USER_PRIO = 139
DEFAULT_PRIO = 120
FIRST_USER_PRIO = 100


class Thread:
    """One recorded thread; `ops` is its script, in the order in which it happened."""

    def __init__(self, tid, comm, start_ns):
        self.tid = tid
        self.comm = comm
        self.start_ns = start_ns
        self.prio = DEFAULT_PRIO
        self.started_by = None
        self.ops = []
        self.running_since = None
        self.blocked_since = None
        self.ended = False

    def run_until(self, now_ns):
        if self.running_since is None:
            return
        ran = now_ns - self.running_since
        self.running_since = now_ns
        if self.ops and self.ops[-1][0] == "run":
            self.ops[-1] = ("run", self.ops[-1][1] + ran)
        else:
            self.ops.append(("run", ran))


class Recording:
    """Builds threads from perf's events, root first."""

    def __init__(self, root_tid, until_ns):
        self.root_tid = root_tid
        self.until_ns = until_ns
        self.begin_ns = None
        self.end_ns = 0
        self.threads = {}
        self.finished = []

    def feed(self, event, tid, now_ns, fields, comm):
        if self.begin_ns is None:
            if tid != self.root_tid and not (event == "sched_switch"
                                             and f"next_pid={self.root_tid} " in fields):
                return True
            self.begin_ns = now_ns
            self.threads[self.root_tid] = Thread(self.root_tid, comm, 0)
        if now_ns - self.begin_ns > self.until_ns:
            return False
        self.end_ns = now_ns
        handler = getattr(self, "on_" + event, None)
        if handler:
            handler(tid, now_ns, fields)
        return True

    def on_sched_switch(self, _tid, now_ns, fields):
        match = SWITCH.match(fields)
        if not match:
            return
        leaving = self.threads.get(int(match["prev"]))
        if leaving:
            leaving.run_until(now_ns)
            leaving.running_since = None
            leaving.prio = int(match["prio"])
            leaving.comm = match["prev_comm"]
            state = match["state"][0]
            if state in "XZ":
                leaving.ended = True
                self.finished.append(self.threads.pop(leaving.tid))
            elif state != "R":
                leaving.blocked_since = now_ns
        entering = self.threads.get(int(match["next"]))
        if entering:
            if entering.blocked_since is not None:  # woken before the recorder saw by whom
                self.end_sleep(entering, now_ns)
            entering.running_since = now_ns

    def on_sched_waking(self, tid, now_ns, fields):
        match = WAKING.match(fields)
        woken = self.threads.get(int(match["pid"])) if match else None
        if not woken or woken.blocked_since is None:
            return
        waker = self.threads.get(tid)
        if waker and waker is not woken and waker.running_since is not None:
            waker.run_until(now_ns)
            waker.ops.append(("wake", woken))
            woken.ops.append(("block", None))
            woken.blocked_since = None
        else:
            self.end_sleep(woken, now_ns)

    def on_sched_process_fork(self, tid, now_ns, fields):
        match = FORK.match(fields)
        parent = self.threads.get(tid)
        if not match or not parent:
            return
        child = Thread(int(match["child"]), parent.comm, now_ns - self.begin_ns)
        child.prio = parent.prio
        child.started_by = parent
        parent.run_until(now_ns)
        parent.ops.append(("start", child))
        self.threads[child.tid] = child

    @staticmethod
    def end_sleep(thread, now_ns):
        thread.ops.append(("sleep", now_ns - thread.blocked_since))
        thread.blocked_since = None

    def all_threads(self):
        for thread in self.threads.values():
            thread.run_until(self.end_ns)
        everyone = self.finished + list(self.threads.values())
        return sorted(everyone, key=lambda t: (t.start_ns, t.tid))


def microseconds(ns):
    return max(1, (ns + 500) // 1000)


def trim(thread):
    """What follows a thread's last run is of no use. A wake that would have ended a trimmed block
    stays: the reader takes one too many as harmless, one too few would hang the replay."""
    while thread.ops and thread.ops[-1][0] in ("sleep", "block"):
        thread.ops.pop()


def script(thread, index):
    tokens = []
    for kind, value in thread.ops:
        if kind == "run":
            tokens.append(str(microseconds(value)))
        elif kind == "sleep":
            tokens.append("s" + str(microseconds(value)))
        elif kind == "block":
            tokens.append(".")
        elif value in index:
            tokens.append(("w" if kind == "wake" else "f") + str(index[value]))
    text = ""
    for token in tokens:  # a space only where two numbers would run together
        text += (" " if text and text[-1].isdigit() and token[0].isdigit() else "") + token
    return text


def safe_name(comm):
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", comm)[:15] or "_"


def write_trace(out, name, command, threads, duration_ns):
    threads = [t for t in threads if t.ops]
    for thread in threads:
        trim(thread)
    threads = [t for t in threads if t.ops]
    kept = set(threads)
    for thread in threads:
        thread.ops = [op for op in thread.ops
                      if op[0] not in ("wake", "start") or op[1] in kept]
    index = {t: i for i, t in enumerate(threads)}
    out.write("exo-sched-trace 1\n")
    out.write(f"# {name}: {command}\n")
    out.write(f"threads {len(threads)} duration {microseconds(duration_ns)}\n")
    for thread in threads:
        nice = min(max(thread.prio, FIRST_USER_PRIO), LAST_USER_PRIO) - DEFAULT_PRIO
        begin = "-" if thread.started_by in index else str(thread.start_ns // 1000)
        out.write(f"t {begin} {nice} {safe_name(thread.comm)}\n{script(thread, index)}\n")


def perf_events(data):
    perf = subprocess.Popen(
        ["perf", "script", "-i", data, "--ns", "-F", "comm,tid,cpu,time,event,trace"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    for line in perf.stdout:
        match = EVENT.match(line)
        if match:
            seconds, fraction = match["time"].split(".")
            now_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
            yield match["event"], int(match["tid"]), now_ns, match["fields"], match["comm"]
    perf.wait()


def first_child_of_perf(data):
    """The command is the first thread that perf started and that then ran something else."""
    for event, _tid, _now, fields, comm in perf_events(data):
        if event == "sched_process_fork" and comm == "perf":
            return int(FORK.match(fields)["child"])
        if event == "sched_switch" and "next_comm=perf-exec" in fields:
            return int(SWITCH.match(fields)["next"])
    sys.exit("record.py: the command's first thread is not in the recording")


def record(data, command):
    arguments = ["perf", "record", "-a", "-R", "-m", "4096", "-c", "1", "-o", data]
    for event in EVENTS:
        arguments += ["-e", event]
    subprocess.run(arguments + ["--"] + command, check=True, stdout=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--seconds", type=float, default=20, help="keep that much from the start")
    parser.add_argument("--title", help="what was run, for the trace's head")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--from", dest="data", help="an existing perf.data")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        data = options.data
        if not data:
            if not options.command:
                parser.error("a command or --from is needed")
            data = os.path.join(scratch, "perf.data")
            record(data, options.command)
        recording = Recording(first_child_of_perf(data), int(options.seconds * 1e9))
        for event in perf_events(data):
            if not recording.feed(*event):
                break
    with open(options.output, "w", encoding="ascii") as out:
        write_trace(out, options.name, options.title or " ".join(options.command),
                    recording.all_threads(), recording.end_ns - recording.begin_ns)


if __name__ == "__main__":
    main()
