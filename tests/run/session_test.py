#!/usr/bin/env python3
"""The shell as its user sees it, typed through a PTY: session_test.py [--kernel exo|linux] [--only NAME]

One boot; each step begins and ends at the prompt. Linux passes the same steps first.
"""

import sys
import time

from terminal import COLUMNS, ESCAPE, LEFT, ROWS, UP, Failure, run_steps

# A shell has begun: what it says first, and its prompt.
SHELL = rb"(?s)built-in shell.*# "
SET_PASSWORD = b"cp /etc/passwd /tmp; printf 'secret\\nsecret\\n' | passwd root >/dev/null 2>&1; echo $?"


def step_line_editing(t):
    t.line(b"ec\x7fcho one\x01\x01\x05 two", b"\none two\n")
    # Ctrl-A twice: the first is the emulator's.
    t.line(b"garbage\x15echo three words here\x17there", b"\nthree words there\n")
    t.line(b"echo bd" + LEFT + b"c", b"\nbcd\n")
    t.line(b"cho front\x01\x01e", b"\nfront\n")


def step_history(t):
    t.line(b"echo remembered", b"\nremembered\n")
    # Up: the line that ended this step, then the line itself.
    t.type(UP + UP + b" again\r")
    t.wait(b"\nremembered again\n")


def step_completion(t):
    t.line(b"mkdir -p /tmp/c && : >/tmp/c/alonelyname")
    t.type(b"ls /tmp/c/alo\t\r")
    t.wait(b"\n/tmp/c/alonelyname")


def step_pipelines_and_here_documents(t):
    t.line(b"seq 1 9 | grep -v 5 | tail -n 2 | tr '\\n' +", b"8\\+9\\+")
    t.line(b"cat <<E | tr a-z A-Z\rhere $((6*7))\rE", b"\nHERE 42\n")
    t.line(b"printf 'echo script $1\\n' >/tmp/s; sh /tmp/s works", b"\nscript works\n")


def step_job_control(t):
    t.line(b"sleep 1000 &", rb"")
    t.line(b"jobs", rb"\[1\]\+? *Running")
    t.line(b"kill %1; sleep 1; jobs", rb"Terminated")
    t.type(b"sleep 1001\r")
    time.sleep(2)
    t.type(b"\x1a")
    t.wait(rb"Stopped")
    t.line(b"bg; sleep 1; jobs", rb"Running")
    t.type(b"fg\r")
    time.sleep(2)
    t.type(b"\x03")
    t.line(b"echo code $?", rb"code 130")
    t.line(b"jobs; echo none", rb"\nnone")


def step_interrupts(t):
    t.type(b"while :; do :; done\r")
    time.sleep(2)
    t.type(b"\x03")
    t.line(b"echo alive", b"\nalive\n")
    t.type(b"cat\r")
    time.sleep(2)
    t.type(b"echoed\r")
    t.wait(b"\nechoed\nechoed\n")
    t.type(b"\x04")
    t.line(b"echo end of input", b"\nend of input\n")


def step_window_size(t):
    t.line(b"stty size", b"\n%d %d\n" % (ROWS, COLUMNS))
    t.line(b"stty -a | grep -c isig; stty -echo; stty echo; tty", b"/dev/")


def step_resize(t):
    for rows, columns in ((20, 70), (ROWS, COLUMNS)):
        t.resize_at_prompt(rows, columns)


def step_vi(t):
    t.type(b"vi /tmp/edited\r")
    t.wait(b"~")
    t.type(b"ifirst line\rsecond" + ESCAPE)
    time.sleep(1)
    t.type(b"k0x:wq\r")
    time.sleep(2)
    t.line(b"echo; tr '\\n' / </tmp/edited; echo", b"\nirst line/second/")


def step_less(t):
    t.type(b"seq 1 200 >/tmp/long; less /tmp/long\r")
    t.wait(b"\n20\n")
    t.type(b"G")
    t.wait(b"\n200\n")
    t.type(b"q")
    t.line(b"echo out of less", b"out of less\n")


def step_top(t):
    t.type(b"top -d 1\r")
    t.wait(rb"PID +PPID +USER")
    t.wait(rb"PID +PPID +USER")
    t.type(b"q")
    t.line(b"echo out of top", b"out of top\n")


def step_watch(t):
    t.type(b"watch -n 1 echo watched\r")
    t.wait(b"Every 1")
    t.wait(b"(?s)watched.*watched")
    time.sleep(0.4)  # while its child runs, watch ignores the signal: system(3)
    t.type(b"\x03")
    t.line(b"echo out of watch", b"out of watch\n")


def step_cttyhack(t):
    t.line(b"cttyhack sh -c 'echo a $((1+1)) shell'", b"a 2 shell\n")


def step_login(t):
    t.type(b"login -f root\r")
    t.wait(SHELL)
    t.line(b"echo logged in as $(whoami)", b"\nlogged in as root\n")
    t.type(b"exit\r")
    t.line(b"echo $? back", b"\n0 back\n")


def step_login_by_password(t):
    t.line(SET_PASSWORD, b"\n0\n")
    t.type(b"login\r")
    for password in (b"wrong", b"secret"):
        t.wait(b"login: ")
        t.type(b"root\r")
        t.wait(b"Password: ")
        t.type(password + b"\r")
    t.wait(SHELL)
    t.line(b"echo $USER came in", b"\nroot came in\n")
    t.type(b"exit\r")
    t.line(b"cp /tmp/passwd /etc/passwd; echo back", b"\nback\n")


def step_su(t):
    t.type(b"su -s /bin/sh nobody\r")
    t.wait(rb"\$ ")
    t.type(b"id -u; tty; exit\r")
    t.wait(b"\n65534\n/dev/ttyS0\n")
    t.line(b"echo $(id -u) again", b"\n0 again\n")


def step_sulogin(t):
    t.line(SET_PASSWORD, b"\n0\n")
    t.type(b"sulogin\r")
    t.wait(b"Give root password")
    t.type(b"secret\r")
    t.wait(b"# ")
    t.line(b"echo single $((1+1)) user", b"\nsingle 2 user\n")
    t.type(b"exit\r")
    t.line(b"cp /tmp/passwd /etc/passwd; echo back", b"\nback\n")


# Typed characters come back while every CPU computes.
def step_echo_beside_hogs(t):
    t.line(b"for i in 1 2 3 4; do (while :; do :; done) & done")
    slowest = 0.0
    for key in b"abcdefghijklmnopqrst":
        began = time.monotonic()
        t.type(bytes([key]))
        t.wait(bytes([key]))
        slowest = max(slowest, time.monotonic() - began)
    t.type(b"\x15kill %1 %2 %3 %4\r")
    t.line(b"wait; echo hogs gone", b"hogs gone\n")
    print(f"        the slowest echo of 20 beside 4 hogs: {slowest * 1000:.0f} ms")
    if slowest > 1.0:
        raise Failure(f"an echo took {slowest:.2f} s")


# Instead of the shell: the terminal is its session's already.
def step_y_getty(t):
    # Not by a pipe, whose other end is a shell too until it has become grep.
    t.line(b"ps -o tty,comm >/tmp/ps; grep -c '^4,64 *sh' /tmp/ps", rb"\n1\n")
    t.type(b"exec getty -n -l /bin/sh 0 ttyS0\r")
    t.wait(SHELL)
    t.line(b"echo under $((1+1)) getty; tty", b"\nunder 2 getty\n/dev/ttyS0\n")


if __name__ == "__main__":
    sys.exit(run_steps(globals()))
