// The first serial port (16550 UART), the console that works before everything else. Output only
// polls; callable from any context, serialised by the caller.
#pragma once

#include <string_view>

namespace exo::arch {

/// 115200 8N1, FIFO on. False: no UART answers; writes are then dropped.
bool serial_init();

/// Writes `text`, LF as CR LF. Busy-waits for the transmitter, at most about 10 ms a byte, so that
/// a broken UART cannot hang a panic.
void serial_write(std::string_view text);

}  // namespace exo::arch
