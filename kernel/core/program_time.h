// Time in programs, told apart from time in the kernel: counted in TSC ticks from the return to a
// program to the next entry, by whatever it comes. The CPU on which a program runs knows since
// when, so that a look at it does not wait for the program's next entry.
#pragma once

#include "kernel/core/cpu_local.h"
#include "kernel/core/thread.h"
#include "lib/base/cpu.h"

namespace exo {

/// While `since` is this, the counts are being changed.
inline constexpr std::uint64_t kProgramTimeChanges = 1;

/// The running thread has entered the kernel from its program; `now` is the TSC. Nothing if it was
/// in the kernel already. Interrupts are off: who reads the counts waits for this.
inline void leave_program(std::uint64_t now) {
    CpuLocal& cpu = this_cpu();
    ProgramTime& time = cpu.program_time;
    // relaxed: written by this CPU only. Readers look at `since` before and after the counts.
    const std::uint64_t since = time.since.load(std::memory_order_relaxed);
    if (since == 0) return;
    const std::uint64_t ran = now > since ? now - since : 0;
    time.since.store(kProgramTimeChanges, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    time.ticks.store(time.ticks.load(std::memory_order_relaxed) + ran, std::memory_order_relaxed);
    auto& own = cpu.thread->program_ticks_;
    own.store(own.load(std::memory_order_relaxed) + ran, std::memory_order_relaxed);
    time.since.store(0, std::memory_order_release);
}

/// The running thread is about to enter its program.
inline void enter_program(std::uint64_t now) {
    this_cpu().program_time.since.store(now, std::memory_order_release);
}

/// `count`, which is counted on `time`'s CPU, and what has passed since. Ticks.
[[nodiscard]] inline std::uint64_t program_ticks_until(const ProgramTime& time,
                                                       const Atomic<std::uint64_t>& count,
                                                       std::uint64_t now) {
    for (;;) {
        const std::uint64_t since = time.since.load(std::memory_order_acquire);
        const std::uint64_t ticks = count.load(std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (since == kProgramTimeChanges || time.since.load(std::memory_order_relaxed) != since) {
            cpu_relax();
            continue;
        }
        // The TSCs of two CPUs need not agree to the tick.
        return since != 0 && now > since ? ticks + (now - since) : ticks;
    }
}

}  // namespace exo
