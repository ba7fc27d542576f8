// The kernel's end: exo::panic (lib/base/panic.h) prints the message, registers if a trap led here,
// a symbolised backtrace, held locks and the last trace records, then ends the emulator with a
// failure.
#pragma once

#include <string_view>

#include "kernel/arch/trap_frame.h"
#include "lib/base/format.h"
#include "lib/base/panic.h"

namespace exo {

/// QEMU's exit code after a panic is 2 * kPanicStatus + 1.
inline constexpr std::uint32_t kPanicStatus = 0x2a;

/// Where a panic is printed besides the serial console; called without locks, by a broken kernel.
using PanicSink = void (*)(std::string_view text);
void set_panic_sink(PanicSink sink);
/// Of panics: to all of these.
void panic_write(std::string_view text);

template <typename... Arguments>
[[noreturn]] void panic_format(Format<Arguments...> format, const Arguments&... arguments) {
    char text[256];
    const std::size_t used = format_to(std::span(text, sizeof text - 1), format, arguments...);
    text[used] = '\0';
    panic(text);
}

}  // namespace exo
