// What the scheduler knows of one thread. Embedded in the kernel's thread object (style:
// intrusive), so that no operation of the policy allocates. The first cache line is all that
// queueing and picking touch; the second and third are for bursts that end and for SCHED_DEADLINE.
#pragma once

#include <cstdint>

#include "lib/base/cpu.h"
#include "lib/base/list.h"
#include "lib/sched/predictor.h"
#include "lib/sched/weight.h"

namespace exo::sched {

class SchedGroup;

/// Linux's policies with Linux's numbers (sched(7)).
enum class Policy : std::uint8_t {
    Normal = 0,
    Fifo = 1,
    RoundRobin = 2,
    Batch = 3,
    Idle = 5,
    Deadline = 6,
};

[[nodiscard]] constexpr bool is_realtime(Policy policy) {
    return policy == Policy::Fifo || policy == Policy::RoundRobin;
}

[[nodiscard]] constexpr bool is_fair(Policy policy) {
    return policy == Policy::Normal || policy == Policy::Batch || policy == Policy::Idle;
}

inline constexpr unsigned kMinRtPriority = 1;
inline constexpr unsigned kMaxRtPriority = 99;

/// Where a thread is. Blocked: on no run queue. Queued: waits in one. Next: waits in the hand-over
/// slot. Throttled: a deadline thread that has used its budget up.
enum class EntityState : std::uint8_t { Blocked, Queued, Next, Running, Throttled };

/// SCHED_DEADLINE's parameters, as sched_setattr(2) has them: `runtime` of every `period`, done by
/// `deadline` after the period's start.
struct DeadlineParams {
    std::uint64_t runtime_ns = 0;
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
};

/// Fields are the run queue's, guarded by its lock; others read them through the kernel's thread.
/// A new entity is Blocked, policy Normal, nice 0, without group, allowed on every CPU.
struct alignas(kCacheLine) SchedEntity {
    ListLink link;
    /// When it joined its queue for this turn; a preempted thread keeps the turn and this time.
    std::uint64_t turn_since_ns = 0;
    SchedGroup* group = nullptr;
    /// The thread a few places behind it in its fair queue when last looked: a prefetch hint that
    /// is never followed, and may name a thread that is long gone.
    const void* lookahead = nullptr;
    /// What is left of this turn's slice; below 0 after an overrun, which the next turn pays.
    std::int32_t slice_left_ns = 0;
    /// This turn's whole slice.
    std::uint32_t slice_ns = 0;
    /// CPU time since it last woke up; saturates at Predictor::kMaxBurst.
    std::uint32_t burst_ns = 0;
    std::uint32_t weight = kNiceZeroWeight;
    EntityState state = EntityState::Blocked;
    Policy policy = Policy::Normal;
    /// The fair queue it is in or was picked from.
    Level level = Level::Hot;
    /// Level the predictor gave when the burst began.
    Level predicted = Level::Hot;
    std::uint8_t rt_priority = 0;
    std::int8_t nice = 0;
    /// CPU it last ran on, whose caches may still hold its data.
    std::uint8_t last_cpu = 0;
    /// Its place among the latest that joined its fair queue.
    std::uint8_t recent_slot = 0;

    alignas(kCacheLine) Predictor predictor;
    /// Of the program it runs; nullptr: unknown. Outlives the thread's use of it.
    BurstProfile* profile = nullptr;
    /// CPUs it may run on, bit n for CPU n; never 0.
    std::uint64_t affinity = ~std::uint64_t{0};

    DeadlineParams deadline;
    /// Absolute deadline of the current period, and what is left of its budget.
    std::uint64_t deadline_at_ns = 0;
    std::int64_t budget_ns = 0;

    SchedEntity() = default;
    SchedEntity(const SchedEntity&) = delete;
    SchedEntity& operator=(const SchedEntity&) = delete;

    /// Level of the burst that begins now.
    [[nodiscard]] Level predict() const {
        return profile == nullptr ? predictor.level()
                                  : profile->predict(predictor.context(), predictor.best_guess());
    }

    [[nodiscard]] bool allowed_on(unsigned cpu) const { return (affinity >> cpu & 1) != 0; }
};

static_assert(sizeof(SchedEntity) == 3 * kCacheLine);

}  // namespace exo::sched
