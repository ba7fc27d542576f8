#include "kernel/core/log.h"

#include <algorithm>
#include <array>

#include "kernel/arch/clock.h"
#include "kernel/arch/console.h"
#include "kernel/core/spin_lock.h"

namespace exo {

namespace {

constexpr std::size_t kPrefix = 3;  // of a line: its level, "<6>"

// The newest bytes of the log; `end` counts all that were ever written.
struct LogBuffer {
    std::array<char, kLogBytes> bytes = {};
    std::uint64_t end = 0;
    LogSink sink = nullptr;

    void append(std::string_view text) {
        for (const char c : text) bytes[end++ % bytes.size()] = c;
    }
    [[nodiscard]] std::size_t kept() const { return std::min<std::uint64_t>(end, bytes.size()); }
};

constinit Locked<LogBuffer, IrqSpinLock<LockRank::kLog>> buffer;
// One independent value (style: atomics).
constinit Atomic<LogLevel> console_level{LogLevel::kInfo};

}  // namespace

void set_console_log_level(LogLevel level) {
    console_level.store(level, std::memory_order_relaxed);
}

LogLevel console_log_level() {
    return console_level.load(std::memory_order_relaxed);
}

void set_log_sink(LogSink sink) {
    const LogLevel most = console_level.load(std::memory_order_relaxed);
    auto log = buffer.lock();
    log->sink = sink;
    char line[kLogLine + 48];
    std::size_t used = 0;
    for (std::uint64_t at = log->end - log->kept(); at != log->end; ++at) {
        const char c = log->bytes[at % log->bytes.size()];
        if (used < sizeof line) line[used++] = c;
        if (c != '\n') continue;
        // The oldest line may have lost its beginning.
        if (line[0] == '<' && used > kPrefix && line[1] - '0' <= static_cast<int>(most))
            sink({line + kPrefix, used - kPrefix});
        used = 0;
    }
}

std::size_t read_log(std::uint64_t& position, std::span<char> to) {
    auto log = buffer.lock();
    position = std::clamp(position, log->end - log->kept(), log->end);
    const std::size_t count = std::min<std::uint64_t>(to.size(), log->end - position);
    for (char& c : to.first(count)) c = log->bytes[position++ % log->bytes.size()];
    return count;
}

LogExtent log_extent() {
    auto log = buffer.lock();
    return {log->end, log->kept()};
}

void log_line(LogLevel level, std::string_view module, std::string_view text) {
    char line[kLogLine + 48];
    const std::uint64_t us = arch::now_ns() / 1000;
    const std::size_t used = format_to(std::span(line), "<{}>[{:5}.{:06}] {}: {}\n", level,
                                       us / 1'000'000, us % 1'000'000, module, text);
    const std::string_view whole(line, used);
    auto log = buffer.lock();
    log->append(whole);
    if (level <= console_level.load(std::memory_order_relaxed)) {
        arch::serial_write(whole.substr(kPrefix));
        if (log->sink != nullptr) log->sink(whole.substr(kPrefix));
    }
}

}  // namespace exo
