// Serial ports (16550 UARTs, COM1 to COM4): the first is the console that works before everything
// else. Output only polls; callable from any context, serialised by the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace exo::arch {

inline constexpr unsigned kSerialPorts = 4;

/// 115200 8N1, FIFO on, for each port that answers. False: the first does not; writes to ports that
/// do not answer are dropped.
bool serial_init();
[[nodiscard]] bool serial_present(unsigned port);

/// Writes `text` to the first port, LF as CR LF. Busy-waits for the transmitter, at most about
/// 10 ms a byte, so that a broken UART cannot hang a panic.
void serial_write(std::string_view text);
/// Writes bytes as they are.
void serial_write_raw(unsigned port, std::span<const std::byte> bytes);

/// ISA interrupt of a port (COM1 and COM3: 4, COM2 and COM4: 3).
[[nodiscard]] unsigned serial_interrupt(unsigned port);
/// Lets the port interrupt when it has received something.
void serial_enable_input(unsigned port);
/// The next byte received, or -1: none.
[[nodiscard]] int serial_read(unsigned port);

}  // namespace exo::arch
