// Futexes (futex(2)): sleeping on a word of a program's memory. A word is named by its address
// space and address, or, shared between processes, by the memory object behind it.
#pragma once

#include "kernel/core/time.h"
#include "posix_x/futex_key.h"

namespace exo::posix {

class Task;

/// Once, at boot. NOMEM.
Result<void> create_futex_table();

/// Wakes up to `count` that wait on the word; how many. The address is one of the
/// running thread; in a shared mapping, waiters of all processes count. May sleep.
void wake_futex(UserAddr at, std::uint32_t count);

/// Whether somebody waits there, priority inheritance aside.
[[nodiscard]] bool has_futex_waiters(const FutexKey& key);

/// The thread ends: marks the locks it holds by its robust list as their owner's death, and wakes
/// one who waits for each; locks with priority inheritance are not handed over yet (pi_futex.h).
void release_robust_futexes(Task& task);

}  // namespace exo::posix
