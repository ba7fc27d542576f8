// The event count's port on Linux: futex(2), shared, so that it works between processes.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>

#include "lib/base/atomic.h"

namespace exo::ring {

struct FutexPort {
    static void wait(Atomic<std::uint32_t>& word, std::uint32_t expected) {
        syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
    }
    static void wake_all(Atomic<std::uint32_t>& word) {
        syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
    }
};

}  // namespace exo::ring
