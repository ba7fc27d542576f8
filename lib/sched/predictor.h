// Predicts how long a thread will run before it next blocks: an exponential moving average of its
// bursts, p = 0.3 * actual + 0.7 * p, in integers. The last 16 bursts are kept as well.
//
// A burst is the CPU time between a wake-up and the next voluntary sleep; time spent preempted is
// not part of it.
//
// Most threads of a build live for less than five bursts, too few for any average. So what threads
// of one program have in common is learnt as well (BurstProfile): which level followed which.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lib/base/atomic.h"
#include "lib/base/cpu.h"
#include "lib/sched/params.h"

namespace exo::sched {

inline constexpr std::size_t kHistory = 16;

/// Where a thread stands between two bursts: level of its average and of its last burst, or that it
/// has none yet.
class BurstContext {
  public:
    static constexpr std::size_t kCount = 1 + kPredictedLevelCount * kPredictedLevelCount;

    constexpr BurstContext() = default;
    constexpr BurstContext(Level average, Level last)
        : index_(static_cast<std::uint8_t>(1 +
                                           static_cast<unsigned>(average) * kPredictedLevelCount +
                                           static_cast<unsigned>(last))) {}

    [[nodiscard]] constexpr std::size_t index() const { return index_; }

  private:
    std::uint8_t index_ = 0;
};

/// Unsynchronised: belongs to its thread, under the lock of the run queue that the thread is on.
class Predictor {
  public:
    /// Longest burst that is told apart, 4.29 s; longer ones count as that.
    static constexpr std::uint64_t kMaxBurst = UINT32_MAX;

    /// Takes in one finished burst.
    void record(std::uint64_t burst_ns);

    /// A new thread's start: it is expected to run like `parent`, until its own first burst.
    void inherit(const Predictor& parent);

    /// The moving average; 0 before the first burst.
    [[nodiscard]] std::uint32_t average_ns() const { return average_ns_; }

    /// Level of the average.
    [[nodiscard]] Level level() const { return level_; }

    [[nodiscard]] BurstContext context() const {
        return samples_ == 0 ? BurstContext() : BurstContext(level_, level_of_burst(sample(0)));
    }

    /// What to expect in a context that nobody knows yet: the better of the average's level and the
    /// last burst's. Too good a guess is mended as soon as the burst outgrows it, too bad a one
    /// keeps a thread waiting that has just become interactive, for as long as the average decays.
    [[nodiscard]] Level best_guess() const {
        return samples_ == 0 ? level_ : std::min(level_, level_of_burst(sample(0)));
    }

    /// Bursts recorded, at most kHistory.
    [[nodiscard]] std::size_t samples() const { return samples_; }

    /// The `age`-th last burst, 0 the newest; age < samples().
    [[nodiscard]] std::uint32_t sample(std::size_t age) const {
        return history_[(next_ + kHistory - 1 - age) % kHistory];
    }

  private:
    std::uint32_t history_[kHistory] = {};
    std::uint32_t average_ns_ = 0;
    std::uint8_t next_ = 0;
    std::uint8_t samples_ = 0;
    Level level_ = Level::Hot;
};

/// What the threads of one program did next, by context. One for each program that runs (the kernel
/// keeps it with the executable's inode, a thread points to it from execve on).
///
/// Shared by all CPUs without a lock: each context's counters are one word, read and written whole
/// and relaxed. A lost update costs a sample. Once settled it is only read, so its line stays
/// shared.
class BurstProfile {
  public:
    /// The level that most often came next in this context; `fallback` if it never occurred.
    [[nodiscard]] Level predict(BurstContext context, Level fallback) const;

    void learn(BurstContext context, Level actual);

  private:
    /// One byte a level, the lowest byte Hot.
    alignas(kCacheLine) Atomic<std::uint32_t> counters_[BurstContext::kCount] = {};
};

}  // namespace exo::sched
