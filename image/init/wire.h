// What `./exo run` and the init of its guest say to each other on the second serial port
// (docs/run.md has the protocol; tools/run/wire.py is the other side). A frame is a type, the
// length of its payload (little endian, 16 bits), the payload.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace wire {

inline constexpr char kPort[] = "/dev/ttyS1";

/// Sent by the guest first, and only once its port is in raw mode: what the host reads before it is
/// not from us.
inline constexpr char kHello[] =
    "\x01"
    "EXO-RUN\n";

enum class Type : uint8_t {
    // to the guest
    kArgument = 'A',  ///< a piece of one argument
    kArgumentEnd = 'a',
    kRun = 'R',    ///< all arguments are there
    kInput = 'I',  ///< bytes for standard input
    kInputEnd = 'i',
    kSignal = 'S',  ///< one byte: a signal for the command's process group
    kWindow = 'W',  ///< of a shell: rows and columns of its terminal, 16 bits each
    // from the guest
    kOutput = 'O',
    kError = 'E',
    kCredit = 'C',  ///< 16 bits: so many payload bytes were consumed and may be sent again
    kExit = 'X',    ///< one byte: the exit code, 128 + signal if one ended the command; the last
};

inline constexpr size_t kHeader = 3;
inline constexpr size_t kMaxPayload = 1024;
/// Payload that the host may have sent beyond what was credited. A terminal's input buffer holds at
/// least 4096 bytes, so nothing is lost where the port has no flow control.
inline constexpr size_t kWindow = 2048;

}  // namespace wire
