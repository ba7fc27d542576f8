// What a CPU has for itself. Reached through GS, so that it is found without knowing the CPU's
// number; valid only while the reader cannot be moved to another CPU (style: percpu).
#pragma once

#include <array>
#include <cstdint>

#include "kernel/arch/cpu.h"
#include "kernel/core/lock_rank.h"

namespace exo {

/// Locks one CPU may hold at a time; more is a bug in the lock order.
inline constexpr unsigned kMaxHeldLocks = 16;

struct HeldLock {
    const void* lock = nullptr;
    LockRank rank = LockRank::kNone;
};

struct CpuLocal {
    CpuLocal* self = nullptr;  ///< at GS:0
    std::uint32_t id = 0;      ///< 0 for the boot CPU, counted in order of start
    std::uint32_t apic_id = 0;
    std::uint32_t held_count = 0;
    std::array<HeldLock, kMaxHeldLocks> held = {};
    arch::CpuTables tables = {};
};

[[nodiscard]] inline CpuLocal& this_cpu() {
    CpuLocal* cpu;
    asm("movq %%gs:0, %0" : "=r"(cpu));
    return *cpu;
}

}  // namespace exo
