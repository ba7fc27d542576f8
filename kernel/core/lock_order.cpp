#include "kernel/core/lock_order.h"

#include "kernel/core/panic.h"

#ifndef NDEBUG
namespace exo {

void lock_order_check(const void* lock, LockRank rank) {
    const CpuLocal& cpu = this_cpu();
    for (std::uint32_t i = 0; i < cpu.held_count; ++i) {
        if (cpu.held[i].lock == lock) panic_format("lock {} (rank {}) is taken twice", lock, rank);
        if (cpu.held[i].rank <= rank) {
            panic_format("lock order: {} (rank {}) is wanted while {} (rank {}) is held", lock,
                         rank, cpu.held[i].lock, cpu.held[i].rank);
        }
    }
}

void lock_order_push(const void* lock, LockRank rank) {
    CpuLocal& cpu = this_cpu();
    if (cpu.held_count == kMaxHeldLocks) panic_format("more than {} locks are held", kMaxHeldLocks);
    cpu.held[cpu.held_count++] = {lock, rank};
}

void lock_order_pop(const void* lock) {
    CpuLocal& cpu = this_cpu();
    for (std::uint32_t i = cpu.held_count; i-- > 0;) {
        if (cpu.held[i].lock != lock) continue;
        for (; i + 1 < cpu.held_count; ++i) cpu.held[i] = cpu.held[i + 1];
        --cpu.held_count;
        return;
    }
    panic_format("lock {} is released but not held", lock);
}

}  // namespace exo
#endif
