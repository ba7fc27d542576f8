// Time stamps of inodes.
#pragma once

#include "kernel/core/time.h"
#include "kernel/fs/inode.h"

namespace exo {

[[nodiscard]] inline Timestamp now_timestamp() {
    const std::uint64_t ns = wall_clock_ns();
    return {static_cast<std::int64_t>(ns / 1'000'000'000),
            static_cast<std::uint32_t>(ns % 1'000'000'000)};
}

/// Notes a read as relatime does (mount(8)): only if it says something new, or once a day.
inline void touch_access_time(InodeStat& stat) {
    constexpr std::int64_t kDay = 24 * 60 * 60;
    const auto later = [](const Timestamp& a, const Timestamp& b) {
        return a.seconds != b.seconds ? a.seconds > b.seconds : a.nanoseconds > b.nanoseconds;
    };
    if (later(stat.accessed, stat.modified) && later(stat.accessed, stat.changed)) {
        const Timestamp now = now_timestamp();
        if (now.seconds - stat.accessed.seconds < kDay) return;
        stat.accessed = now;
        return;
    }
    stat.accessed = now_timestamp();
}

}  // namespace exo
