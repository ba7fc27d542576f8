// What a CPU has for itself. Reached through GS, so that it is found without knowing the CPU's
// number; valid only while the reader cannot be moved to another CPU (style: percpu).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernel/arch/cpu.h"
#include "kernel/arch/user_state.h"
#include "kernel/core/lock_rank.h"
#include "kernel/core/trace_ring.h"
#include "lib/base/atomic.h"

namespace exo {

struct CpuMemory;

namespace arch {
class UserSpace;
}

/// Locks one CPU may hold at a time; more is a bug in the lock order.
inline constexpr unsigned kMaxHeldLocks = 16;

/// Where a lock may be taken: one that interrupt handlers take is held with interrupts off.
enum class LockContext : std::uint8_t { kThread, kInterrupt };

struct HeldLock {
    const void* lock = nullptr;
    LockRank rank = LockRank::kNone;
    LockContext context = LockContext::kThread;
};

/// What of this CPU's time was spent in programs, in TSC ticks (program_time.h).
struct ProgramTime {
    Atomic<std::uint64_t> since{0};  ///< when the program that runs was entered; 0: in the kernel
    Atomic<std::uint64_t> ticks{0};  ///< up to then
};

class Thread;
class CpuScheduler;
class TimerQueue;

struct CpuLocal {
    CpuLocal* self = nullptr;          ///< at GS:0
    Thread* thread = nullptr;          ///< that runs here
    std::uint64_t kernel_stack = 0;    ///< its kernel stack's top, for SYSCALL
    std::uint64_t saved_user_rsp = 0;  ///< between SYSCALL and the frame
    /// Calls with lower numbers take the fast path if they have one; 0: none does. A personality
    /// sets both once, before the CPU runs programs.
    std::uint64_t fast_call_numbers = 0;
    std::uint64_t* fast_call_counts = nullptr;  ///< by number: those that took it here
    std::uint32_t id = 0;                       ///< 0 for the boot CPU, counted in order of start
    std::uint32_t apic_id = 0;
    std::uint32_t interrupt_depth = 0;  ///< interrupt handlers that run
    bool reschedule = false;            ///< somebody else's turn has come
    /// WakeBatches that are open, and the CPUs that are to be interrupted when the last one closes.
    std::uint32_t wake_batches = 0;
    std::uint64_t cpus_to_interrupt = 0;
    arch::UserSpace* space = nullptr;  ///< loaded here; nullptr: the kernel's own tables
    arch::FpuOwner fpu;
    CpuScheduler* scheduler = nullptr;
    TimerQueue* timers = nullptr;
    std::uint32_t held_count = 0;
    std::uint32_t held_before = 0;  ///< of these, by what the running interrupt handler interrupted
    std::array<HeldLock, kMaxHeldLocks> held = {};
    ProgramTime program_time;
    CpuMemory* memory = nullptr;  ///< kernel/mm's part (heap.h)
    arch::CpuTables tables = {};
    TraceRing trace;
};

// What assembly (arch/x86_64/trap_entry.S) and this_thread() know.
inline constexpr std::size_t kCpuLocalThreadOffset = 8;
static_assert(offsetof(CpuLocal, thread) == kCpuLocalThreadOffset);
static_assert(offsetof(CpuLocal, kernel_stack) == 16);
static_assert(offsetof(CpuLocal, saved_user_rsp) == 24);
static_assert(offsetof(CpuLocal, fast_call_numbers) == 32);
static_assert(offsetof(CpuLocal, fast_call_counts) == 40);
static_assert(offsetof(CpuLocal, id) == arch::kCpuNumberOffset);

[[nodiscard]] inline CpuLocal& this_cpu() {
    CpuLocal* cpu;
    // volatile: a thread finds another CPU here after it slept.
    asm volatile("movq %%gs:0, %0" : "=r"(cpu));
    return *cpu;
}

/// The CPU with that number, which has started; its fields are its own but for `apic_id`,
/// `scheduler`, `timers` and `program_time`.
[[nodiscard]] CpuLocal& cpu_local(std::uint32_t id);
void register_cpu(CpuLocal& cpu);

}  // namespace exo
