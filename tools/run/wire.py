"""Frames between `./exo run -- CMD` and the init of its guest; the other side, and what each type
means, is image/init/wire.h."""

import struct

HELLO = b"\x01EXO-RUN\n"
ARGUMENT, ARGUMENT_END, RUN, INPUT, INPUT_END, SIGNAL, WINDOW_SIZE = b"AaRIiSW"
OUTPUT, ERROR, CREDIT, EXIT = b"OECX"
MAX_PAYLOAD = 1024
WINDOW = 2048


def frame(kind, payload=b""):
    return struct.pack("<BH", kind, len(payload)) + payload


def argument_frames(arguments):
    """The frames that name a command."""
    for argument in arguments:
        data = argument.encode("utf-8", "surrogateescape")
        for at in range(0, len(data), MAX_PAYLOAD):
            yield frame(ARGUMENT, data[at:at + MAX_PAYLOAD])
        yield frame(ARGUMENT_END)
    yield frame(RUN)


class Reader:
    """Takes bytes as they come, gives frames. What comes before the hello is not the guest's init
    and is dropped."""

    def __init__(self):
        self.data = b""
        self.greeted = False

    def feed(self, data):
        self.data += data
        if not self.greeted:
            at = self.data.find(HELLO)
            if at < 0:
                self.data = self.data[-len(HELLO):]
                return
            self.greeted = True
            self.data = self.data[at + len(HELLO):]
        while len(self.data) >= 3:
            kind, size = struct.unpack_from("<BH", self.data)
            if size > MAX_PAYLOAD:
                raise ValueError("the guest sent what is no frame")
            if len(self.data) < 3 + size:
                return
            payload = self.data[3:3 + size]
            self.data = self.data[3 + size:]
            yield kind, payload
