#include "kernel/core/log.h"

#include <algorithm>
#include <array>

#include "kernel/arch/console.h"
#include "kernel/core/spin_lock.h"

namespace exo {

namespace {

// The newest bytes of the log; `end` counts all that were ever written.
struct LogBuffer {
    std::array<char, 64 * 1024> bytes = {};
    std::uint64_t end = 0;

    void append(std::string_view text) {
        for (const char c : text) bytes[end++ % bytes.size()] = c;
    }
};

constinit Locked<LogBuffer, IrqSpinLock<LockRank::kLog>> buffer;

}  // namespace

void log_line(LogLevel level, std::string_view module, std::string_view text) {
    char line[kLogLine + 32];
    const std::size_t used = format_to(std::span(line), "<{}>{}: {}\n", level, module, text);
    const std::string_view whole(line, used);
    auto log = buffer.lock();
    log->append(whole);
    if (level != LogLevel::kDebug) arch::serial_write(whole.substr(3));
}

}  // namespace exo
