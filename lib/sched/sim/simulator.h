// Replays scripts of threads on simulated CPUs, each with a RunQueue, by placement's functions: the
// policy under test is the very code the kernel runs. Time jumps from event to event; the same
// scenario gives the same report to the byte. Switching and migrating cost nothing here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "lib/sched/placement.h"
#include "lib/sched/run_queue.h"
#include "lib/sched/sim/report.h"
#include "lib/sched/sim/trace.h"

namespace exo::sched::sim {

struct Scenario {
    unsigned cpus = 1;
    unsigned threads_per_core = 1;
    Tunables tunables;
    std::vector<std::uint32_t> group_weights;
    std::vector<Script> threads;
    /// Stops then; kNever: when all threads have ended or none can ever run again.
    std::uint64_t end_ns = kNever;
    /// How often a CPU where threads wait looks for one that could take some over.
    std::uint64_t balance_period_ns = 4 * kMillisecond;
    /// Whether threads share what was learnt of their program.
    bool profiles = true;
};

/// One run. INVAL: a script's policy, priority, affinity, group or deadline is invalid, its ops
/// repeat without taking time, or it names a thread that does not exist; BUSY: deadline threads
/// were not admitted.
[[nodiscard]] Result<Report> simulate(const Scenario& scenario);

}  // namespace exo::sched::sim
