// The locks that a CPU holds: always kept, since the page fault of a user copy asks whether there
// are any and the panic prints them. With assertions their order is checked: taking a lock whose
// rank is not below all of them is a panic that names both. So is taking one that handlers do not
// take (kThread) under one that they do: whoever holds the former may be interrupted by who waits
// for the latter. For the same reason locks held by what a handler interrupted do not count for it.
#pragma once

#include "kernel/core/cpu_local.h"

namespace exo {

#ifdef NDEBUG
inline void lock_order_check(const void*, LockRank, LockContext) {}
#else
/// Before waiting for the lock, so that a deadlock is reported and not entered.
void lock_order_check(const void* lock, LockRank rank, LockContext context);
#endif

/// Of a lock that was not taken last.
void remove_held_lock(CpuLocal& cpu, const void* lock);

inline void lock_order_push(const void* lock, LockRank rank, LockContext context) {
    CpuLocal& cpu = this_cpu();
    EXO_CHECK(cpu.held_count < kMaxHeldLocks, "too many locks held");
    // The place is taken before it is filled: an interrupt in between uses the next one, and no lock
    // of what it interrupted counts for it. The fence keeps the compiler from turning this round.
    const std::uint32_t place = cpu.held_count;
    cpu.held_count = place + 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    cpu.held[place] = {lock, rank, context};
}

inline void lock_order_pop(const void* lock) {
    CpuLocal& cpu = this_cpu();
    const std::uint32_t last = cpu.held_count - 1;
    if (last < kMaxHeldLocks && cpu.held[last].lock == lock) [[likely]] {
        cpu.held_count = last;
    } else {
        remove_held_lock(cpu, lock);
    }
}

}  // namespace exo
