// Futexes with priority inheritance (futex(2), "Priority-inheritance futexes"): locks whose word
// holds the owner's thread id, and, once somebody waits, are known to the kernel, which lends the
// owner the urgency of who waits (pi_graph.h) and hands the lock over to the most urgent.
//
// One lock, of rank kPiFutex, is over all such futexes: an edge of the graph changes what is due
// along chains that no part of it bounds. It is taken only where a lock is contended.
#pragma once

#include "kernel/core/time.h"
#include "posix_x/futex_key.h"
#include "posix_x/pi_task.h"

namespace exo::posix {

class Task;

/// Once, at boot. NOMEM.
Result<void> create_pi_futex_table();

/// FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI by the running thread. AGAIN: it has an owner, and `wait` says
/// no; DEADLK: the owner waits, at the end of a chain, for this thread; FAULT; INVAL: the word and
/// those who wait for it do not agree; NOMEM; RESTARTNOINTR; SRCH: no such owner; TIMEDOUT. May
/// sleep.
enum class PiWait : std::uint8_t { kNo, kYes };
Result<long> lock_pi_futex(Task& task, UserAddr at, FutexScope scope, Deadline deadline,
                           PiWait wait);

/// FUTEX_UNLOCK_PI. FAULT, INVAL as above; PERM: another's. May sleep.
Result<long> unlock_pi_futex(Task& task, UserAddr at, FutexScope scope);

/// Whether somebody waits for it as for a lock with priority inheritance.
[[nodiscard]] bool is_pi_futex(const FutexKey& key);

/// The thread ends, or its program does: what it owns goes to who waits for it, who is told by
/// FUTEX_OWNER_DIED. After a thread's end it owns nothing any more.
enum class PiEnd : std::uint8_t { kThread, kProgram };
void release_pi_futexes(Task& task, PiEnd end);

/// The thread was given another policy or nice value.
void reorder_pi_waiter(Task& task);

}  // namespace exo::posix
