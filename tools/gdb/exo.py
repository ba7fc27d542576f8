"""gdb commands for Exo-OS: `source tools/gdb/exo.py`.

exo-bt CONTEXT   backtrace of a suspended exo::Context (lib/switch/context.h)
"""

import gdb


class ExoBacktrace(gdb.Command):
    """exo-bt CONTEXT: backtrace of a suspended exo::Context, an expression of that type."""

    def __init__(self):
        super().__init__("exo-bt", gdb.COMMAND_STACK, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        context = gdb.parse_and_eval(argument)
        word = gdb.lookup_type("unsigned long")
        rsp = int(context["rsp"].cast(word))
        registers = {
            "rsp": rsp + int(gdb.parse_and_eval("exo_switch_frame_size")),
            "rbp": int(gdb.Value(rsp).cast(word.pointer()).dereference()),
            "rip": int(context["rip"].cast(word)),
        }
        gdb.execute("frame 0", to_string=True)
        saved = {name: int(gdb.parse_and_eval("(unsigned long)$" + name)) for name in registers}
        try:
            for name, value in registers.items():
                gdb.execute(f"set ${name} = {value}", to_string=True)
            gdb.execute("backtrace")
        finally:
            for name, value in saved.items():
                gdb.execute(f"set ${name} = {value}", to_string=True)


ExoBacktrace()
