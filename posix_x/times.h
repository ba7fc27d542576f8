// Nanoseconds as the structures that Linux's calls use.
#pragma once

#include "abi/linux/process.h"
#include "kernel/core/time.h"
#include "posix_x/task.h"

namespace exo::posix {

inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;
/// Of times(2) and /proc (USER_HZ).
inline constexpr std::int64_t kNsPerTick = kNsPerSecond / abi::kTicksPerSecond;

/// clock_gettime(2)'s clocks.
enum class Clock : std::int32_t {
    kRealtime = 0,
    kMonotonic = 1,
    kProcess = 2,
    kThread = 3,
    kMonotonicRaw = 4,
    kRealtimeCoarse = 5,
    kMonotonicCoarse = 6,
    kBoottime = 7,
    kTai = 11,
};

/// Ticks in so many nanoseconds.
constexpr std::int64_t to_ticks(std::uint64_t ns) {
    return static_cast<std::int64_t>(ns) / kNsPerTick;
}

constexpr abi::Timespec to_timespec(std::uint64_t ns) {
    return {static_cast<std::int64_t>(ns / kNsPerSecond),
            static_cast<std::int64_t>(ns % kNsPerSecond)};
}
constexpr abi::Timeval to_timeval(std::uint64_t ns) {
    return {static_cast<std::int64_t>(ns / kNsPerSecond),
            static_cast<std::int64_t>(ns % kNsPerSecond / 1000)};
}
/// Saturates at about 292 years. INVAL: negative, or a second and more of nanoseconds.
constexpr Result<std::uint64_t> to_ns(const abi::Timespec& time) {
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= kNsPerSecond)
        return Errno::INVAL;
    std::int64_t ns;
    if (__builtin_mul_overflow(time.seconds, kNsPerSecond, &ns) ||
        __builtin_add_overflow(ns, time.nanoseconds, &ns)) {
        return static_cast<std::uint64_t>(INT64_MAX);
    }
    return static_cast<std::uint64_t>(ns);
}
constexpr Result<std::uint64_t> to_ns(const abi::Timeval& time) {
    if (time.microseconds < 0 || time.microseconds >= 1'000'000) return Errno::INVAL;
    return to_ns(abi::Timespec{time.seconds, time.microseconds * 1000});
}

constexpr abi::ResourceUse resource_use(const CpuTime& time) {
    abi::ResourceUse use = {};
    use.user = to_timeval(time.program_ns);
    use.system = to_timeval(time.kernel_ns);
    return use;
}

/// Processor time of a process, its threads that run included.
[[nodiscard]] TimesUsed times_used(Process& process);

}  // namespace exo::posix
