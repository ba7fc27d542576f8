// Waiting for a contended lock on Linux: futex(2), private to the process. free(3) must leave errno
// alone, so these do.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/alloc/port.h"

namespace exo::alloc::port {

void lock_wait(Atomic<std::uint32_t>& word, std::uint32_t expected) {
    const int saved = errno;
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
    errno = saved;
}

void lock_wake(Atomic<std::uint32_t>& word) {
    const int saved = errno;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    errno = saved;
}

}  // namespace exo::alloc::port
