// What a simulation found: how well bursts were predicted, how long threads waited and whether any
// waited beyond its bound, how CPU time was shared.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/sched/params.h"

namespace exo::sched::sim {

/// Counts of predictions of one thread level, by four predictors on the same bursts.
struct Accuracy {
    std::uint64_t bursts = 0;
    std::uint64_t right = 0;          ///< by the policy: what it queued the thread by
    std::uint64_t right_average = 0;  ///< by the moving average alone
    std::uint64_t right_last = 0;     ///< by taking the thread's last burst for the next
    std::array<std::uint64_t, kPredictedLevelCount> actual = {};

    void add(const Accuracy& other);

    /// Percent; 0 without bursts.
    [[nodiscard]] double percent(std::uint64_t count) const;
    /// Percent right of always naming the level that is the most common in hindsight.
    [[nodiscard]] double percent_most_common() const;
};

struct ThreadReport {
    std::uint64_t ran_ns = 0;
    std::uint64_t waited_ns = 0;
    std::uint64_t longest_wait_ns = 0;
    std::uint64_t picks = 0;
    std::uint64_t missed_deadlines = 0;  ///< SCHED_DEADLINE: bursts that ended after their deadline
    std::uint64_t finished_ns = kNever;
};

struct Report {
    Accuracy accuracy;
    std::vector<ThreadReport> threads;
    std::uint64_t end_ns = 0;
    std::uint64_t switches = 0;
    std::uint64_t migrations = 0;
    std::uint64_t hand_overs = 0;
    std::uint64_t waits = 0;
    std::uint64_t starved = 0;                     ///< waits beyond their bound
    std::uint64_t rescues = 0;                     ///< picks of a thread for its age
    double tightest_bound = 0;                     ///< largest wait / bound
    std::vector<std::uint64_t> wakeup_latency_ns;  ///< of each wake-up, ascending

    /// Wake-up latency at `fraction` (0..1) of all wake-ups; 0 if there were none.
    [[nodiscard]] std::uint64_t latency_ns(double fraction) const;

    [[nodiscard]] std::uint64_t unfinished() const;

    /// Everything above as text, the same bytes for the same run.
    [[nodiscard]] std::string to_text() const;
};

}  // namespace exo::sched::sim
