// SCHED_DEADLINE: earliest deadline first, each thread's bandwidth enforced by a constant bandwidth
// server as in Linux (sched_setattr(2); Documentation/scheduler/sched-deadline.rst; Abeni and
// Buttazzo, "Integrating Multimedia Applications in Hard Real-Time Systems", RTSS 1998).
//
// Inserting is linear in the deadline threads ready on the CPU, picking is constant. Admission
// control keeps them few: each takes bandwidth from a fixed total.
#pragma once

#include <cstdint>

#include "lib/base/list.h"
#include "lib/base/result.h"
#include "lib/sched/entity.h"
#include "lib/sched/params.h"

namespace exo::sched {

/// Shortest runtime, shortest and longest period, as in Linux (sched_deadline_period_{min,max}_us).
inline constexpr std::uint64_t kMinDeadlineRuntime = 1024;
inline constexpr std::uint64_t kMinDeadlinePeriod = 100 * kMicrosecond;
inline constexpr std::uint64_t kMaxDeadlinePeriod = 4'194'304 * kMicrosecond;
static_assert(kMaxDeadlinePeriod <= UINT32_MAX, "products of two times must fit 64 bits");

/// Bandwidth promised to deadline threads on a set of CPUs. Unsynchronised: the caller has one lock
/// for all changes.
class DeadlineAdmission {
  public:
    /// One CPU's whole time.
    static constexpr std::uint64_t kFullCpu = 1'000'000'000;

    /// `limit_permille` of each of `cpus` CPUs may be promised; Linux's default is 950.
    explicit DeadlineAdmission(unsigned cpus, unsigned limit_permille = 950)
        : limit_(cpus * (kFullCpu / 1000 * limit_permille)) {}

    /// Reserves `params`' bandwidth. INVAL: a runtime or period out of the range above, or not
    /// runtime <= deadline <= period. BUSY: more than may be promised.
    Result<void> admit(const DeadlineParams& params);

    /// Gives back what admit() reserved for the same parameters.
    void release(const DeadlineParams& params);

    /// Promised now, in parts of kFullCpu.
    [[nodiscard]] std::uint64_t promised() const { return promised_; }

  private:
    std::uint64_t limit_;
    std::uint64_t promised_ = 0;
};

/// Deadline threads of one CPU. Unsynchronised: under the lock of its run queue.
class DeadlineQueue {
  public:
    [[nodiscard]] bool empty() const { return ready_.empty(); }
    [[nodiscard]] bool any_throttled() const { return !throttled_.empty(); }
    [[nodiscard]] std::uint32_t ready_count() const { return ready_count_; }

    /// A thread wakes up: keeps deadline and budget if the rest of its budget fits before its
    /// deadline at its own bandwidth, else begins a new period now.
    void wake(SchedEntity& entity, std::uint64_t now_ns);

    /// Queues a thread that was preempted; its budget is not used up.
    void push(SchedEntity& entity);

    /// Parks a thread whose budget is used up until its next period.
    void throttle(SchedEntity& entity, std::uint64_t now_ns);

    /// Makes throttled threads ready whose period has begun by `now_ns`.
    void replenish(std::uint64_t now_ns);

    /// When replenish() has something to do; kNever if nothing is throttled.
    [[nodiscard]] std::uint64_t next_replenish_ns();

    /// The ready thread of the earliest deadline, not taken out; nullptr when empty().
    [[nodiscard]] SchedEntity* first() { return ready_.front(); }

    void remove(SchedEntity& entity);

  private:
    using Threads = List<SchedEntity, &SchedEntity::link>;

    static std::uint64_t next_period_ns(const SchedEntity& entity);
    static void insert_sorted(Threads& list, SchedEntity& entity,
                              std::uint64_t (*key)(const SchedEntity&));

    Threads ready_;      // by deadline_at_ns
    Threads throttled_;  // by next_period_ns()
    std::uint32_t ready_count_ = 0;
};

}  // namespace exo::sched
