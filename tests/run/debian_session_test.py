#!/usr/bin/env python3
"""Debian's bash, editors and terminal tools, typed through a PTY: debian_session_test.py [--kernel exo|linux] [--only NAME]

One boot of the image `debian`; each step begins and ends at bash's prompt. What full-screen programs
draw is asked of a terminal emulator's screen, what they save is read back. Linux passes the same steps first.
"""

import re
import sys
import time

import session_test
from terminal import COLUMNS, ESCAPE, PATIENCE, ROWS, UP, Failure, Terminal, run_steps

# Debian's package, for whichever python3 comes first in PATH.
sys.path.append("/usr/lib/python3/dist-packages")
import pyte  # noqa: E402

DOWN, TAB = b"\x1b[B", b"\t"


class Screen(pyte.Screen):
    """Knows that CSI > ... m sets keys, not colours."""

    def select_graphic_rendition(self, *attributes, private=False):
        if not private:
            super().select_graphic_rendition(*attributes)


class ScreenTerminal(Terminal):
    """A terminal that also knows what a person would see on it."""

    def __init__(self, kernel):
        self.screen = Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        super().__init__(kernel, ["--image", "debian"])

    def begin(self):
        super().begin()
        self.line(b"exec env TERM=xterm bash")
        self.line(b"cd /tmp; PS1='at \\w# '; echo $BASH_VERSION $(tty)", rb"\n5\.2\.[^ ]* /dev/ttyS0\n")

    def read(self, end):
        piece = super().read(end)
        self.stream.feed(piece)
        return piece

    def shows(self, wanted, absent="(?!)", patience=PATIENCE):
        """Waits until a line of the screen matches each of `wanted`, and none `absent`; what came before is forgotten."""
        end = time.monotonic() + patience
        while missing := self.missing(wanted, absent):
            if time.monotonic() > end or not self.read(end):
                text = "\n".join(line.rstrip() for line in self.screen.display)
                raise Failure(f"{missing}; the screen:\n{text}")
        self.seen = b""

    def quit(self, keys):
        """Leaves a program for bash: some throw away what is typed before they have set the terminal back (TCSAFLUSH)."""
        self.type(keys)
        self.wait(rb"at /tmp# ")

    def missing(self, wanted, absent):
        lines = self.screen.display
        return ([f"no {pattern}" for pattern in wanted if not any(re.search(pattern, line) for line in lines)] +
                [f"still {absent}" for line in lines if re.search(absent, line)])

    def file(self, path, wanted):
        """The file's content, as od prints it, so that no blank is lost."""
        self.line(b"od -An -c " + path + b" | tr -s ' \\n' ' '", wanted)


def step_line_editing(t):
    session_test.step_line_editing(t)
    t.line(b"echo killed \x15\x19and yanked", b"\nkilled and yanked\n")
    t.line(b"echo ba\x14 \x1bbx\x1bf", b"\nxab\n")
    t.line(b"echo lower\x1bb\x1bu word\x1bdend\x02\x02\x0b", b"\nLOWER worde\n")
    t.line(b"echo '\x16\x09' | od -An -c", rb"\n +\\t +\\n\n")


def step_history(t):
    session_test.step_history(t)
    t.line(b"echo needle in a haystack", b"\nneedle")
    t.line(b"true; true")
    t.type(b"\x12needle")
    t.shows([r"reverse-i-search\)`needle': echo needle in a haystack"])
    t.type(b"\x05 found\r")
    t.wait(b"\nneedle in a haystack found\n")
    t.type(b"echo one two\r")
    t.wait(b"\none two\n")
    t.line(b"echo !$", b"\ntwo\n")
    t.type(b"echo abc\r")
    t.wait(b"\nabc\n")
    t.line(b"^abc^def", b"\ndef\n")
    t.line(b"history | grep -c 'echo needle in a haystack$'", b"\n1\n")


def step_completion(t):
    t.line(b"mkdir -p /tmp/c/directory && touch /tmp/c/alonelyname /tmp/c/directory/'with blank'")
    t.line(b"ls /tmp/c/alo" + TAB, b"\n/tmp/c/alonelyname")
    t.line(b"ls /tmp/c/dir" + TAB + b"wi" + TAB, b"\n'/tmp/c/directory/with blank'")
    t.line(b"touch /tmp/c/same1 /tmp/c/same2")
    t.type(b"ls /tmp/c/sa" + TAB + TAB + TAB)
    t.wait(b"same1 +same2")
    t.line(b"2", b"\n/tmp/c/same2")
    t.line(b"VARIABLE_OF_MINE=seen")
    t.line(b"echo $VARIABLE_OF" + TAB, b"\nseen\n")
    t.line(b"sha512" + TAB + b"/dev/null | cut -c1-8", b"\ncf83e135\n")


def step_pipelines_and_here_documents(t):
    t.line(b"seq 1 9 | grep -v 5 | tail -n 2 | tr '\\n' +; echo ${PIPESTATUS[@]}", rb"\n8\+9\+0 0 0 0\n")
    t.line(b"cat <<E | tr a-z A-Z\rhere $((6*7))\rE", b"\nHERE 42\n")
    t.line(b"cat <<'E'\rliteral $HOME\rE", b"\nliteral \\$HOME\n")
    t.line(b"tr a-z A-Z <<<\"a here-string\"", b"\nA HERE-STRING\n")
    t.line(b"diff <(seq 3) <(seq 2 4)", b"\n1d0\n< 1\n3a3\n> 4\n")
    t.line(b"seq 5 | tee >(wc -l >/tmp/lines) >/dev/null; until [ -s /tmp/lines ]; do sleep 0.1; done; cat /tmp/lines", b"\n5\n")
    t.line(b"coproc BC { bc; }; echo 6*7 >&${BC[1]}; read -ru ${BC[0]} got; echo bc says $got", b"\nbc says 42\n")
    t.line(b"kill $BC_PID; wait; exec {fd}<>/tmp/fd; echo through >&$fd; cat /tmp/fd; exec {fd}>&-", b"\nthrough\n")


def step_job_control(t):
    t.line(b"sleep 1000 &", rb"\n\[1\] [0-9]+\n")
    t.line(b"jobs", rb"\n\[1\]\+ +Running +sleep 1000 &\n")
    t.line(b"kill %1; sleep 1; jobs", rb"\n\[1\]\+ +Terminated +sleep 1000\n")
    t.type(b"sleep 1001\r")
    t.wait(b"sleep 1001\n")
    time.sleep(1)
    t.type(b"\x1a")
    t.wait(rb"\^Z\n\[1\]\+ +Stopped +sleep 1001\n")
    t.line(b"sleep 1002 &", rb"\n\[2\] ")
    t.line(b"bg %1", rb"\n\[1\]\+ sleep 1001 &\n")
    t.line(b"jobs -l", rb"\n\[1\]. +[0-9]+ Running +sleep 1001 &\n\[2\]. +[0-9]+ Running +sleep 1002 &\n")
    t.type(b"fg %sleep\\ 1001\r")
    t.wait(b"\nsleep 1001\n")
    time.sleep(0.5)
    t.type(b"\x03")
    t.line(b"echo code $?", rb"\ncode 130\n")
    t.type(b"fg\r")
    t.wait(b"\nsleep 1002\n")
    time.sleep(0.5)
    t.type(b"\x1c")
    t.line(b"echo code $?", rb"\ncode 131\n")
    t.line(b"jobs; echo none", rb"none\nnone\n")


def step_stopped_by_the_terminal(t):
    t.line(b"cat &", rb"\n\[1\] ")
    t.line(b"until jobs | grep Stopped; do sleep 0.1; done", rb"\n\[1\]\+ +Stopped +cat\n")
    t.type(b"fg\r")
    t.wait(b"\ncat\n")
    t.type(b"to cat\r")
    t.wait(b"to cat\nto cat\n")
    t.type(b"\x04")
    t.line(b"stty tostop; echo from behind &", b"")
    t.line(b"until jobs | grep Stopped; do sleep 0.1; done", rb"\n\[1\]\+ +Stopped +echo from behind\n")
    t.line(b"stty -tostop; fg", b"\nfrom behind\n")


def step_interrupts(t):
    t.type(b"while :; do :; done\r")
    time.sleep(1)
    t.type(b"\x03")
    t.line(b"echo alive $?", b"\nalive 130\n")
    t.type(b"yes | cat | wc -l\r")
    time.sleep(1)
    t.type(b"\x03")
    t.line(b"echo alive $?", b"\nalive 130\n")
    t.line(b"trap 'echo caught' INT; kill -INT $$; trap - INT", b"\ncaught\n")
    t.line(b"bash -c 'trap \"echo bye\" EXIT; kill -TERM $$'; echo $?", b"\nTerminated\nbye|\nbye\n")
    t.line(b"read -t 0.3 x; echo $?", b"\n142\n")


def step_stty(t):
    t.line(b"stty size; tput cols; tput lines", b"\n%d %d\n%d\n%d\n" % (ROWS, COLUMNS, COLUMNS, ROWS))
    t.line(b"saved=$(stty -g); stty raw -echo; stty sane; stty \"$saved\"; [ \"$saved\" = \"$(stty -g)\" ] && echo same", b"\nsame\n")
    t.line(b"stty -a | head -2 | tail -1", rb"intr = \^C; quit = \^\\; erase = \^\?; kill = \^U; eof = \^D;")
    t.line(b"stty intr ^G; stty -a | grep -o 'intr = ..'; stty intr ^C", rb"\nintr = \^G\n")
    t.type(b"read -s -p 'Secret: ' secret\r")
    t.wait(b"Secret: ")
    t.type(b"not shown\r")
    shown = t.line(b"echo; echo read ${#secret}", b"\nread 9\n")
    if b"not shown" in shown:
        raise Failure("read -s echoed")
    t.type(b"stty -icanon min 1 time 0; dd bs=1 count=2 2>/dev/null | od -An -c; stty icanon\r")
    t.wait(b"icanon\n")
    time.sleep(0.5)
    t.type(b"xy")
    t.wait(b"x +y\n")


def step_window_size(t):
    t.line(b"bash -c \"trap 'echo now \\$(stty size)' WINCH; stty rows 20 cols 70\"", b"\nnow 20 70\n")
    t.line(b"true; echo $LINES $COLUMNS; tput cols", b"\n20 70\n70\n")
    t.line(b"stty rows %d cols %d" % (ROWS, COLUMNS))
    t.line(b"seq -f 'line %g' 100 >lines; clear")
    t.type(b"less lines\r")
    t.shows(["^line 29 ", "^lines"])
    t.resize(15, COLUMNS)
    t.shows(["^line 14 ", "^:"], absent="^line 15 ")
    t.quit(b"q")
    t.resize_at_prompt(ROWS, COLUMNS)
    t.line(b"clear")
    t.type(b"vi -u NONE -c 'set ruler' lines\r")
    t.shows(["^line 1 ", "1,1 "])
    t.resize(ROWS, 60)
    t.shows(["^ {30,50}1,1 "])  # vim puts its ruler 18 from the right
    t.quit(b":q\r")
    t.resize_at_prompt(ROWS, COLUMNS)
    t.line(b"clear")


def step_vi(t):
    t.line(b"clear")
    t.type(b"vi edited\r")
    t.shows(['"edited" \\[New', "^~"])
    t.type(b"ifirst line\rsecond word gone\rthird" + ESCAPE)
    t.shows(["^first line", "^third"])
    t.type(b"k0wdwyypGP:%s/third/replaced/\r")
    t.shows(["^replaced", "^second gone"])
    t.type(b"uu\x12:set number\r/sec\r")
    t.shows(["^ +1 first line", "^ +2 second gone"])
    t.type(b"x:w\r")
    t.shows(['"edited".*written'])
    t.type(b":!echo from vi $((6*7))\r")
    t.shows(["from vi 42", "Press ENTER"])
    t.quit(b"\r:wq\r")
    t.line(b"clear; tr '\\n' / <edited", rb"first line/econd gone/second gone/second gone/replaced/")


def step_nano(t):
    t.line(b"clear; printf 'one\\ntwo\\nthree\\n' >poem")
    t.type(b"nano poem\r")
    t.shows(["GNU nano 7", "^one", r"\^X Exit"])
    t.type(b"A first line\r" + DOWN + b"\x0b" + b"\x1b/last line")
    t.shows(["^A first line", "^last line", "poem +\\* *$"])
    t.type(b"\x17three\r")
    t.shows(["^three"])
    t.type(b"\x0f")
    t.shows(["File Name to Write: poem"])
    t.type(b"\r")
    t.shows(["Wrote 4 lines"])
    t.quit(b"\x18")
    t.line(b"clear; tr '\\n' / <poem", b"\nA first line/one/three/last line/")


def step_less(t):
    t.line(b"seq -f 'number %g' 500 >long; clear")
    t.type(b"less long\r")
    t.shows(["^number 29", "^long"])
    t.type(b" ")
    t.shows(["^number 58", "^:"])
    t.type(b"/77\r")
    t.shows(["^number 77"])
    t.type(b"b\x1b<G")
    t.shows(["^number 500", r"\(END\)"])
    t.type(b"50g")
    t.shows(["^number 50 "])
    t.type(b"F")
    t.shows(["Waiting for data"])
    t.quit(b"\x03q")
    t.line(b"clear")
    t.type(b"seq -f 'piped %g' 1000 | less\r")
    t.shows(["^piped 29", "^:"])
    t.quit(b"q")
    t.line(b"clear; echo out of less", b"\nout of less\n")


def step_top(t):
    t.line(b"clear")
    t.type(b"top -d 1\r")
    t.shows([r"^top - .* load average: ", r"^Tasks: +[0-9]+ total", r"^%Cpu\(s\)", "^MiB Mem :", "PID USER", " top *$"])
    t.type(b"1")
    t.shows([r"^%Cpu0 "])
    t.quit(b"q")
    t.line(b"clear; echo out of top", b"\nout of top\n")


def step_watch(t):
    t.line(b"clear; echo 0 >count")
    t.type(b"watch -n 0.5 'echo $(( $(cat count) + 1 )) >count; cat count'\r")
    t.shows(["^Every 0.5s: ", "^2 "])
    t.shows(["^4 "])
    t.quit(b"\x03")
    t.line(b"clear; echo out of watch", b"\nout of watch\n")


def step_script(t):
    t.type(b"script typed\r")
    t.wait(b"Script started.*\n.*# ")
    t.line(b"tty; stty size; echo inside $((1+1))", b"\n/dev/pts/0\n%d %d\ninside 2\n" % (ROWS, COLUMNS))
    t.type(b"sleep 1000\r")
    time.sleep(1)
    t.type(b"\x03")
    t.line(b"echo code $?", b"\ncode 130\n")
    t.type(b"exit 3\r")
    t.wait(b"Script done")
    t.line(b"echo $?; grep -c '^inside 2' typed; tail -1 typed", b"\n0\n1\nScript done on .*COMMAND_EXIT_CODE=\"3\"")
    t.line(b"script -q -e -c 'echo only; exit 4' /dev/null; echo $?", b"\nonly\n4\n")
    t.line(b"stty -a | grep -o -w -e icanon -e echo -e opost | tr '\\n' ' '", b"\nopost icanon echo ")


def step_python(t):
    t.type(b"python3\r")
    t.wait(b">>> ")
    t.type(b"6*7" + b"\r")
    t.wait(b"\n42\n>>> ")
    t.type(UP + b"+1\r")
    t.wait(b"\n43\n>>> ")
    t.type(b"while True: pass\r\r")
    time.sleep(1)
    t.type(b"\x03")
    t.wait(b"KeyboardInterrupt\n>>> ")
    t.type(b"import sys\r")
    t.wait(b">>> ")
    t.type(b"sys.pla" + TAB + b"form\r")
    t.wait(b"\n'linux'\n>>> ")
    t.quit(b"\x04")
    t.line(b"echo out of python", b"\nout of python\n")


def step_su(t):
    t.type(b"su -s /bin/bash nobody\r")
    t.wait(rb"nobody@[^:]*:/tmp\$ ")
    t.type(b"id -un; tty; cat /etc/shadow; exit 5\r")
    t.wait(b"\nnobody\n/dev/ttyS0\ncat: /etc/shadow: Permission denied\n")
    t.line(b"echo $? $(id -u) again", b"\n5 0 again\n")


if __name__ == "__main__":
    sys.exit(run_steps(globals(), ScreenTerminal))
