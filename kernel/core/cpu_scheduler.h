// The scheduler of one CPU: its run queue, its idle thread and the switch. Lock: one IrqSpinLock of
// rank kRunQueue, held across the switch. Two of them are never held together.
#pragma once

#include <optional>

#include "kernel/core/lock_rank.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/spin_lock.h"
#include "lib/base/list.h"
#include "lib/sched/placement.h"
#include "lib/sched/run_queue.h"

namespace exo {

/// Makes another CPU look at its queue, at once or at the end of this CPU's WakeBatch. Interrupts
/// are off.
void interrupt_cpu(std::uint32_t cpu);

class CpuScheduler {
  public:
    CpuScheduler(std::uint32_t cpu, Thread& idle) : queue_(cpu), idle_(idle) {}

    /// The current thread goes to sleep unless it was woken since prepare_sleep().
    void sleep() NO_THREAD_SAFETY_ANALYSIS;
    /// The current thread lets others run.
    void yield(sched::Put why) NO_THREAD_SAFETY_ANALYSIS;
    [[noreturn]] void exit() NO_THREAD_SAFETY_ANALYSIS;
    [[noreturn]] void idle_loop();

    /// Makes `thread`, which is on no CPU and no run queue, runnable where it is best.
    static void place(Thread& thread, sched::Enqueue why, WakeHint hint);
    /// Makes `thread`, which sleeps and is on no CPU, runnable on this CPU.
    void enqueue(Thread& thread, sched::Enqueue why, WakeHint hint);
    /// Ends the sleep of a thread whose home this CPU is. kAwake: it did not sleep; kStays: it had
    /// not left the CPU yet; kMoves: the caller puts it on a run queue.
    enum class WakeResult : std::uint8_t { kAwake, kStays, kMoves, kNotHere };
    WakeResult try_wake(Thread& thread, bool only_interruptible);

    /// CPU time until now of a thread whose home this CPU is; empty: it moved away.
    std::optional<CpuTime> cpu_time(const Thread& thread);
    /// Of all threads but the idle one, until now. Interrupts are off for both.
    CpuTime busy_time();

    /// Changes of policy, of a thread whose home this CPU is. kMoves: it waited here and may not
    /// any more, the caller puts it on a run queue; kRuns: it runs here and should not; kNotHere:
    /// its home is elsewhere or it is on the way there.
    enum class ChangeResult : std::uint8_t { kDone, kMoves, kRuns, kNotHere };
    ChangeResult try_set_affinity(Thread& thread, std::uint64_t cpus);
    /// `change` changes what the thread was given or is lent; false: its home is elsewhere.
    template <typename Change>
    bool try_change(Thread& thread, Change change);
    struct Policy {
        sched::Standing own, raised;
        OnFork on_fork;
        std::uint64_t affinity;
    };
    std::optional<Policy> policy(const Thread& thread);

    /// The timer fired or another CPU sent a reschedule interrupt.
    void tick();
    /// First half of a new thread's life: the end of the switch to it.
    static void finish_switch() NO_THREAD_SAFETY_ANALYSIS;
    /// Makes `space` (nullptr: the kernel's own tables) the one that `cpu`, this one, has loaded.
    /// Interrupts are off.
    static void load_space(CpuLocal& cpu, arch::UserSpace* space);
    /// Publishes what placement looks at.
    void publish();

    /// What all CPUs published, in this CPU's own snapshot, good until the next call. Interrupts
    /// are off.
    [[nodiscard]] static const sched::MachineLoad& machine_load();
    /// One cache for all CPUs, and no SMT siblings: what is behind virtual CPUs is not known.
    static constinit inline sched::Topology topology{};
    [[nodiscard]] static CpuScheduler& of(std::uint32_t cpu) { return *cpu_local(cpu).scheduler; }
    static Thread& thread_of(sched::SchedEntity& entity);

    /// Threads that run or wait for a CPU, by the CPUs' hints.
    [[nodiscard]] static std::uint32_t runnable_threads();

    static constinit inline Atomic<std::uint64_t> online{0};

  private:
    using Lock = IrqSpinLock<LockRank::kRunQueue>;

    void charge(std::uint64_t now) REQUIRES(lock_);
    /// Whether the current thread must go on elsewhere.
    [[nodiscard]] bool current_is_misplaced() const {
        return queue_.current() != nullptr && !queue_.current()->allowed_on(queue_.cpu());
    }
    void switch_to_next(std::uint64_t now) NO_THREAD_SAFETY_ANALYSIS;
    void switch_to(Thread& next) NO_THREAD_SAFETY_ANALYSIS;
    void set_slice_timer(std::uint64_t now) REQUIRES(lock_);
    [[nodiscard]] std::uint64_t uncharged_ns() const REQUIRES(lock_);
    bool steal_work();
    sched::SchedEntity* give(std::uint32_t thief);
    [[nodiscard]] bool on_the_way(const Thread& thread) const REQUIRES(lock_);
    [[nodiscard]] bool follow_change(ThreadEntity& entity, std::uint64_t now) REQUIRES(lock_);

    Lock lock_;
    sched::RunQueue queue_;
    Thread& idle_;
    bool preempt_ = false;             ///< another CPU put a thread here that should run now
    std::uint64_t charged_at_ns_ = 0;  ///< the current thread's time is accounted up to here
    std::uint64_t busy_ns_ = 0;        ///< up to charged_at_ns_
    Thread* exited_ = nullptr;         ///< switched away from for good, to be released
    Thread* leaving_ = nullptr;        ///< switched away from, to go on on another CPU
    /// machine_load()'s: kept, since clearing what has no CPU costs more than filling in the rest.
    sched::MachineLoad seen_{};

    // Read by other CPUs without the lock: hints (placement.h).
    Atomic<std::uint32_t> waiting_hint_{0};
    Atomic<std::uint64_t> load_hint_{0};  ///< a sched::QueueLoad
    Atomic<bool> idle_hint_{false};
};

}  // namespace exo
