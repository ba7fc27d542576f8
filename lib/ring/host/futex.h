// The event count's port on Linux: futex(2).
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>

#include "lib/base/atomic.h"

namespace exo::ring {

/// `kScope`: 0 works between processes; FUTEX_PRIVATE_FLAG between threads of one, cheaper.
template <int kScope>
struct Futex {
    static void wait(Atomic<std::uint32_t>& word, std::uint32_t expected) {
        syscall(SYS_futex, &word, FUTEX_WAIT | kScope, expected, nullptr, nullptr, 0);
    }
    static void wake_all(Atomic<std::uint32_t>& word) {
        syscall(SYS_futex, &word, FUTEX_WAKE | kScope, INT_MAX, nullptr, nullptr, 0);
    }
};

using FutexPort = Futex<0>;
using PrivateFutexPort = Futex<FUTEX_PRIVATE_FLAG>;

}  // namespace exo::ring
