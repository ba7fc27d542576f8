// SCHED_FIFO and SCHED_RR threads of one CPU: a list for each of the 99 priorities and a bitmap,
// and the limit that keeps real-time threads from taking the whole CPU (sched(7), "Limiting the CPU
// usage of real-time processes").
#pragma once

#include <bit>
#include <cstdint>

#include "lib/base/list.h"
#include "lib/sched/entity.h"
#include "lib/sched/params.h"

namespace exo::sched {

/// Real-time CPU time per period. Unsynchronised: under the lock of its run queue.
class RtBandwidth {
  public:
    explicit RtBandwidth(const Tunables& tunables)
        : period_ns_(tunables.rt_period_ns), runtime_ns_(tunables.rt_runtime_ns) {}

    void charge(std::uint64_t ran_ns, std::uint64_t now_ns) {
        roll(now_ns);
        used_ns_ += ran_ns;
    }

    /// Whether real-time threads must let others run.
    [[nodiscard]] bool exhausted(std::uint64_t now_ns) {
        roll(now_ns);
        return limited() && used_ns_ >= runtime_ns_;
    }

    /// CPU time until exhausted() would turn true; kNever when unlimited.
    [[nodiscard]] std::uint64_t left_ns() const {
        if (!limited()) return kNever;
        return used_ns_ >= runtime_ns_ ? 0 : runtime_ns_ - used_ns_;
    }

    /// When the current period ends.
    [[nodiscard]] std::uint64_t period_end_ns() const { return period_start_ns_ + period_ns_; }

  private:
    [[nodiscard]] bool limited() const { return runtime_ns_ < period_ns_; }
    void roll(std::uint64_t now_ns);

    std::uint64_t period_ns_;
    std::uint64_t runtime_ns_;
    std::uint64_t period_start_ns_ = 0;
    std::uint64_t used_ns_ = 0;
};

/// Unsynchronised: under the lock of its run queue.
class RtQueue {
  public:
    [[nodiscard]] bool empty() const { return (ready_[0] | ready_[1]) == 0; }
    [[nodiscard]] std::uint32_t count() const { return count_; }

    /// Highest priority that waits, 1..99; 0 when empty.
    [[nodiscard]] unsigned top_priority() const;

    void push_back(SchedEntity& entity);
    void push_front(SchedEntity& entity);
    void remove(SchedEntity& entity);

    /// Takes out the first thread of the highest priority; nullptr when empty. O(1).
    [[nodiscard]] SchedEntity* pick();

    /// The first thread of the highest priority that may run on `cpu`, not taken out; nullptr if
    /// none is among the first `limit` of each list.
    [[nodiscard]] SchedEntity* find_allowed(unsigned cpu, unsigned limit);

  private:
    using Threads = List<SchedEntity, &SchedEntity::link>;

    // Bit 0 is priority 99: the first set bit is the highest priority.
    static unsigned slot_of(unsigned priority) { return kMaxRtPriority - priority; }
    void mark(unsigned slot) { ready_[slot / 64] |= std::uint64_t{1} << slot % 64; }
    void clear_if_empty(unsigned slot);

    std::uint64_t ready_[2] = {};
    std::uint32_t count_ = 0;
    Threads lists_[kMaxRtPriority];
};

}  // namespace exo::sched
