// The kernel log: levelled, module-prefixed lines, kept in a ring of bytes for dmesg and echoed to
// the serial console and to a sink, if there is one. Callable from any context; a line is assembled
// on the caller's stack first, so lines of several CPUs do not mix.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/format.h"

namespace exo {

/// Numbers of syslog(2).
enum class LogLevel : std::uint8_t {
    kEmergency = 0,
    kError = 3,
    kWarning = 4,
    kInfo = 6,
    kDebug = 7
};

/// How much of the log is kept.
inline constexpr std::size_t kLogBytes = 64 * 1024;
/// Longer lines are cut.
inline constexpr std::size_t kLogLine = 256;

/// Where lines go besides the serial console, called under the log's lock. Gets what the log has
/// kept so far at once. One at most.
using LogSink = void (*)(std::string_view lines);
void set_log_sink(LogSink sink);

/// Only lines at least as grave as `level` go to the console from now on; all go to the log.
void set_console_log_level(LogLevel level);
[[nodiscard]] LogLevel console_log_level();

/// Copies log lines ("<6>[    1.234567] module: text\n") from byte `position` of all that was ever
/// written, or from the oldest that is kept; moves `position` behind them. The number of bytes
/// copied; 0: nothing newer.
std::size_t read_log(std::uint64_t& position, std::span<char> to);
/// How much was ever written, and how much of it is kept.
struct LogExtent {
    std::uint64_t end;
    std::size_t kept;
};
[[nodiscard]] LogExtent log_extent();

/// Appends one line (without its LF) to the log.
void log_line(LogLevel level, std::string_view module, std::string_view text);

template <typename... Arguments>
void log(LogLevel level, std::string_view module, Format<Arguments...> format,
         const Arguments&... arguments) {
    char text[kLogLine];
    log_line(level, module, {text, format_to(std::span(text), format, arguments...)});
}

template <typename... Arguments>
void log_info(std::string_view module, Format<Arguments...> format, const Arguments&... arguments) {
    log(LogLevel::kInfo, module, format, arguments...);
}

}  // namespace exo
