// Futexes (futex(2)): sleeping on a word of a program's memory. A word is named by its address
// space and address, or, shared between processes, by the memory object behind it.
#pragma once

#include "kernel/core/time.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/result.h"

namespace exo::posix {

class Task;

/// Once, at boot. NOMEM.
Result<void> create_futex_table();

/// Wakes up to `count` that wait on the word; how many. The address is one of the
/// running thread; in a shared mapping, waiters of all processes count. May sleep.
void wake_futex(UserAddr at, std::uint32_t count);

/// The thread ends: marks the locks it holds by its robust list as their owner's death, and wakes
/// one who waits for each.
void release_robust_futexes(Task& task);

}  // namespace exo::posix
