// Threads on CPUs: the mechanism around lib/sched's policy. Each CPU has a run queue under a lock
// of rank kRunQueue, which is held across the switch and released by the thread switched to, so
// that a thread is never resumed before all of it is saved.
#pragma once

#include "kernel/core/cpu_local.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"

namespace exo {

/// Makes this CPU's boot stack its idle thread and lets it schedule from now on. Once on each CPU.
/// NOMEM.
Result<void> start_scheduler();

/// Lets a new thread run for the first time. The scheduler holds a reference until it ends.
void start_thread(Thread& thread);

/// Runs somebody else if somebody waits; returns when this thread's turn comes again.
void yield();

/// Ends this thread: it never runs again, and its memory goes with its last reference. The caller
/// has released everything else.
[[noreturn]] void exit_thread();

/// Makes a sleeping thread runnable. False: it did not sleep. Any context, interrupt handlers
/// included.
bool wake(Thread& thread, WakeHint hint = WakeHint::kPlain);

/// Other CPUs are interrupted for wake-ups within its life when that ends: around a lock, so that
/// they need not wait for it (an interrupt to another CPU is dear, the more so where it is
/// emulated). Its CPU does not sleep meanwhile.
class WakeBatch {
  public:
    WakeBatch() { ++this_cpu().wake_batches; }
    ~WakeBatch() {
        CpuLocal& cpu = this_cpu();
        if (--cpu.wake_batches == 0 && cpu.cpus_to_interrupt != 0) interrupt_cpus();
    }
    WakeBatch(const WakeBatch&) = delete;
    WakeBatch& operator=(const WakeBatch&) = delete;

  private:
    static void interrupt_cpus();
};

/// Marks `thread` as interrupted and ends its sleep if that is interruptible; if it runs its
/// program on another CPU, brings it into the kernel.
void interrupt(Thread& thread);

/// The two halves of a sleep, for wait queues: announce, look once more, then sleep or cancel. A
/// wake-up in between is not lost.
void prepare_sleep(ThreadState state);
void sleep_prepared();
void cancel_sleep();

/// Sleeps at least until `deadline`, which is not never. RESTARTSYS: interrupted before.
Result<void> sleep_until(Deadline deadline);

/// Loads `space` for this thread, from now on and whenever it runs; nullptr: none of its own.
void use_space(arch::UserSpace* space);

/// Whether this thread's turn is over; who loops long in the kernel asks and yields.
[[nodiscard]] bool should_yield();

/// Panics if called where sleeping is forbidden: with a spin lock held or in an interrupt.
void might_sleep();

/// What this CPU does when nobody wants it: its boot stack's thread ends here.
[[noreturn]] void idle();

/// For the interrupt dispatcher: the CPU's timer fired, another CPU wants a look at the run queue.
void scheduler_tick();

/// Gives this CPU to somebody else if `this_cpu().reschedule` says so. Interrupts are off and stay.
void reschedule_if_needed();

/// CPU time that `thread` has used until now, in the kernel and outside, nanoseconds: running on
/// any CPU, what is not accounted yet counts as well. Takes the lock of its run queue.
[[nodiscard]] std::uint64_t cpu_time_ns(const Thread& thread);

/// What the thread was given (setpriority(2), sched_setscheduler(2)), and what it runs with: the
/// same, or what it is lent. Each takes the lock of its run queue.
[[nodiscard]] sched::Standing standing_of(const Thread& thread);
[[nodiscard]] sched::Standing raised_standing_of(const Thread& thread);
/// Share of CPU time, -20 (most) to 19; others count as the nearest.
void set_nice(Thread& thread, int nice);
/// Its children begin with no more than the normal policy.
enum class OnFork : std::uint8_t { kKeep, kReset };
[[nodiscard]] OnFork on_fork(const Thread& thread);
/// `priority` is 1..99 for Fifo and RoundRobin, 0 for the other policies; not Deadline.
void set_policy(Thread& thread, sched::Policy policy, std::uint8_t priority, OnFork on_fork);
/// From now on it runs at least as if it were that urgent; replaces what was lent before. How
/// urgent it is then.
sched::Urgency lend(Thread& thread, sched::Urgency urgency);

/// CPUs that `thread` may run on, bit n for CPU n; those that are not online count for nothing.
[[nodiscard]] std::uint64_t affinity_of(const Thread& thread);
/// A thread that waits or runs elsewhere moves, at the latest on its way back to its program.
/// INVAL: none of them is online.
Result<void> set_affinity(Thread& thread, std::uint64_t cpus);

/// This thread runs that program from now on: its bursts are predicted by what is known of it, and
/// teach. Empty: by the thread's own average alone.
void set_program(RefPtr<ProgramProfile> program);

/// Before start_thread(): `child` begins with the policy, the nice value, the CPUs, the program and
/// the expected burst of `parent`, which is this thread, but not with what that is lent.
void inherit_policy(Thread& child, const Thread& parent);

/// Processor time, nanoseconds: in a program ("user") and in the kernel for it ("system").
struct CpuTime {
    std::uint64_t program_ns = 0;
    std::uint64_t kernel_ns = 0;
    [[nodiscard]] std::uint64_t total_ns() const { return program_ns + kernel_ns; }
    CpuTime& operator+=(const CpuTime& more) {
        program_ns += more.program_ns;
        kernel_ns += more.kernel_ns;
        return *this;
    }
};
/// The same as cpu_time_ns(), told apart.
[[nodiscard]] CpuTime cpu_time(const Thread& thread);

/// How long that CPU has run threads other than its idle one.
[[nodiscard]] CpuTime cpu_busy_time(std::uint32_t cpu);

/// CPUs that schedule.
[[nodiscard]] std::uint32_t online_cpus();

}  // namespace exo
