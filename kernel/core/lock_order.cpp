#include "kernel/core/lock_order.h"

#include "kernel/core/panic.h"

namespace exo {

void remove_held_lock(CpuLocal& cpu, const void* lock) {
    for (std::uint32_t i = cpu.held_count; i-- > 0;) {
        if (cpu.held[i].lock != lock) continue;
        for (std::uint32_t j = i + 1; j < cpu.held_count; ++j) cpu.held[j - 1] = cpu.held[j];
        --cpu.held_count;
        return;
    }
    panic("a lock is released by a CPU that does not hold it");
}

#ifndef NDEBUG
void lock_order_check(const void* lock, LockRank rank, LockContext context) {
    const CpuLocal& cpu = this_cpu();
    for (std::uint32_t i = cpu.held_before; i < cpu.held_count; ++i) {
        const HeldLock& held = cpu.held[i];
        if (held.rank <= rank) {
            panic_format("lock order: {} (rank {}) is wanted while {} (rank {}) is held", lock,
                         rank, held.lock, held.rank);
        }
        if (held.context == LockContext::kInterrupt && context == LockContext::kThread) {
            panic_format(
                "lock order: {} (rank {}), which is taken with interrupts on, is wanted "
                "while {} (rank {}), an interrupt handler's, is held",
                lock, rank, held.lock, held.rank);
        }
    }
}
#endif

}  // namespace exo
