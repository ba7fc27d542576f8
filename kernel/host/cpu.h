// The machine on which unit tests run kernel code: Linux's user space. Each thread of the host that
// has a Cpu is a CPU of its own with one thread of the kernel, and GS points to its CpuLocal as in
// the kernel, since Linux leaves it to programs. The kernel's locks, wait queues, timers, file
// systems and address spaces run on it as they are; what is defined here is what they stand on.
//
//   time          stands still but for Clock, and jumps to the next timer when a CPU sleeps
//   frames        the host's memory, whose addresses count from the direct map modulo 2^64
//   user memory   page tables walked by software, through a TLB that forgets only when told
//
// Not there: interrupts between CPUs, so an address space is loaded on one CPU at a time.
#pragma once

#include <cstdint>

#include "kernel/core/cpu_local.h"
#include "kernel/core/thread.h"
#include "kernel/core/timer_queue.h"

namespace exo::host {

/// While it lives, the thread that made it may run kernel code. One a thread; 64 at a time.
class Cpu {
  public:
    Cpu() : Cpu(idle_) {}
    /// Runs `thread`.
    explicit Cpu(Thread& thread);
    ~Cpu();
    Cpu(const Cpu&) = delete;
    Cpu& operator=(const Cpu&) = delete;

  private:
    struct HostThread final : Thread {
        HostThread() : Thread("host") {}
    };

    CpuLocal local_;
    TimerQueue timers_;
    HostThread idle_;
};

/// What arch::now_ns() shows.
struct Clock {
    /// Moves on, firing the timers of this CPU on the way.
    static void advance(std::uint64_t ns);
};

/// Waits for all threads that start_thread() started.
void join_threads();

/// The kernel's allocations fail while this lives, from a given one on: for tests that show that
/// each of them may. Counts those of the thread that made it.
class FailAllocations {
  public:
    /// `after` allocations (objects and frames) succeed, then none does.
    explicit FailAllocations(std::uint64_t after);
    ~FailAllocations();
    FailAllocations(const FailAllocations&) = delete;
    FailAllocations& operator=(const FailAllocations&) = delete;

    /// Whether any was refused.
    [[nodiscard]] bool failed() const;
};

/// For the host's allocators: whether this one is to fail.
[[nodiscard]] bool allocation_fails();

/// For the host's scheduler: how many CPUs there are now.
[[nodiscard]] std::uint32_t cpu_count();
/// Lets the clock jump to this CPU's next timer and fires it. False: none is set.
bool sleep_until_timer();

/// Frames that are allocated; tests end with as many as they began with.
[[nodiscard]] std::uint64_t frames_in_use();

}  // namespace exo::host
