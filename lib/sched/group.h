// A group of threads that shares CPU time with other groups and with ungrouped threads by its own
// weight, however many threads it has (cgroup's cpu.weight). A group is flat: no groups in groups.
//
// The share is applied where slices are made: a member's slice is the group's weight times the
// member's part of the weight that the group has runnable on that CPU. Picking never looks at it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/atomic.h"
#include "lib/base/cpu.h"
#include "lib/sched/params.h"
#include "lib/sched/weight.h"

namespace exo::sched {

class SchedGroup {
  public:
    /// `weight` counts like a thread's: 1024 is one nice-0 thread. Clamped to 2..262144.
    explicit SchedGroup(std::uint32_t weight) { set_weight(weight); }
    SchedGroup(const SchedGroup&) = delete;
    SchedGroup& operator=(const SchedGroup&) = delete;

    [[nodiscard]] std::uint32_t weight() const { return weight_.load(std::memory_order_relaxed); }

    /// Takes effect at each member's next slice. Any thread may call it: one independent value,
    /// read without a lock by every CPU's run queue (style: atomics).
    void set_weight(std::uint32_t weight) {
        weight_.store(std::clamp(weight, kMinGroupWeight, kMaxGroupWeight),
                      std::memory_order_relaxed);
    }

    /// Weight of the members runnable on `cpu`. Under the lock of that CPU's run queue, as are the
    /// two below.
    [[nodiscard]] std::uint64_t runnable_weight(unsigned cpu) const { return cpus_[cpu].weight; }
    void add_runnable(unsigned cpu, std::uint32_t weight) { cpus_[cpu].weight += weight; }
    void remove_runnable(unsigned cpu, std::uint32_t weight) { cpus_[cpu].weight -= weight; }

  private:
    struct alignas(kCacheLine) PerCpu {
        std::uint64_t weight = 0;
    };

    Atomic<std::uint32_t> weight_ = kNiceZeroWeight;
    PerCpu cpus_[kMaxCpus];
};

}  // namespace exo::sched
