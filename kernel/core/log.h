// The kernel log: levelled, module-prefixed lines, kept in a ring of bytes for dmesg and echoed to
// the serial console. Callable from any context; a line is assembled on the caller's stack first,
// so lines of several CPUs do not mix.
#pragma once

#include <string_view>

#include "lib/base/format.h"

namespace exo {

enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

/// Longer lines are cut.
inline constexpr std::size_t kLogLine = 256;

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
