// What a thread is scheduled by, and how urgent that makes it: one number, so that threads that
// wait for a lock can be put in order, and the best of them lent to who holds it (priority
// inheritance).
#pragma once

#include <compare>
#include <cstdint>

#include "lib/sched/entity.h"

namespace exo::sched {

/// As sched_setscheduler(2) and setpriority(2) set it. `rt_priority` is 1..99 for Fifo and
/// RoundRobin, 0 for the rest.
struct Standing {
    Policy policy = Policy::Normal;
    std::uint8_t rt_priority = 0;
    std::int8_t nice = 0;
    bool operator==(const Standing&) const = default;
};

/// Higher is more urgent. A new one is below every thread's: nothing is lent.
class Urgency {
  public:
    constexpr Urgency() = default;
    constexpr explicit Urgency(Standing of) : rank_(rank_of(of)) {}
    constexpr auto operator<=>(const Urgency&) const = default;

    /// The real-time priority that it means; 0: none.
    [[nodiscard]] constexpr std::uint8_t rt_priority() const {
        return rank_ > kFairRanks ? static_cast<std::uint8_t>(rank_ - kFairRanks) : std::uint8_t{0};
    }
    /// Of one that is neither real-time nor SCHED_IDLE.
    [[nodiscard]] constexpr std::int8_t nice() const {
        return static_cast<std::int8_t>(kMaxNice + kFirstFairRank - rank_);
    }

  private:
    static constexpr std::uint8_t kIdleRank = 1, kFirstFairRank = 2;
    static constexpr std::uint8_t kFairRanks = kFirstFairRank + kMaxNice - kMinNice;

    static constexpr std::uint8_t rank_of(Standing of) {
        switch (of.policy) {
            case Policy::Deadline:
                return kFairRanks + kMaxRtPriority;
            case Policy::Fifo:
            case Policy::RoundRobin:
                return static_cast<std::uint8_t>(kFairRanks + of.rt_priority);
            case Policy::Idle:
                return kIdleRank;
            case Policy::Normal:
            case Policy::Batch:
                break;
        }
        return static_cast<std::uint8_t>(kFirstFairRank + kMaxNice - of.nice);
    }

    std::uint8_t rank_ = 0;
};

/// What a thread of standing `own` runs with while it is lent `lent`: the better of both.
[[nodiscard]] constexpr Standing raised(Standing own, Urgency lent) {
    if (lent <= Urgency(own)) return own;
    if (lent.rt_priority() != 0) {
        // Without slices of its own, unless it has them anyway.
        const Policy policy = is_realtime(own.policy) ? own.policy : Policy::Fifo;
        return {policy, lent.rt_priority(), own.nice};
    }
    return {own.policy == Policy::Idle ? Policy::Normal : own.policy, 0, lent.nice()};
}

}  // namespace exo::sched
