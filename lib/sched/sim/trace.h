// A recorded workload: what each thread did, in its own order, so that a simulator can replay it
// under another scheduler. Written by tools/sched/record.py. Text, one line a statement:
//
//   exo-sched-trace 1
//   # comment
//   threads 2 duration 7000          number of threads; recorded microseconds
//   t 0 0 make                       starts at 0 us, nice 0, program "make"
//   120f1 30.5                       its script: run 120 us, start thread 1, run 30, wait, run 5
//   t - -5 cc1plus                   started by another thread, nice -5
//   900s2000 10w0 4                  run 900, sleep 2000 us, run 10, wake thread 0, run 4
//
// "." waits until some "w" of another thread; each "w" ends one ".", whether it comes before or
// after it (a counting semaphore), so that a replay cannot lose a wake-up. Threads are numbered
// from 0 in the order of the file. A space separates two numbers and means nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/sched/entity.h"

namespace exo::sched::sim {

struct Op {
    enum class Kind : std::uint8_t { Run, Sleep, Wait, Wake, Start };
    Kind kind;
    /// Nanoseconds of Run and Sleep; thread number of Wake and Start.
    std::uint64_t value;
};

inline constexpr std::uint64_t kStartedByOther = kNever;
inline constexpr int kNoGroup = -1;

/// One thread of a workload. A trace sets the first four; the rest is for built scenarios.
struct Script {
    std::string program;
    std::uint64_t start_ns = 0;  ///< kStartedByOther: by another thread's Start
    int nice = 0;
    std::vector<Op> ops;

    bool repeat = false;  ///< begins anew after its last op, for ever
    Policy policy = Policy::Normal;
    unsigned rt_priority = 0;
    DeadlineParams deadline;
    int group = kNoGroup;  ///< index into the simulation's groups
    std::uint64_t affinity = ~std::uint64_t{0};
};

struct Trace {
    std::uint64_t duration_ns = 0;
    std::vector<Script> threads;
};

/// Limits on foreign input; a trace over one is TOOBIG.
inline constexpr std::size_t kMaxThreads = 100'000;
inline constexpr std::size_t kMaxOps = 4'000'000;
inline constexpr std::uint64_t kMaxMicroseconds = 1'000'000'000'000;

/// Parses foreign text. INVAL: not of the form above, a number out of range, a thread that does not
/// exist or wakes itself, or one that is not started exactly once. TOOBIG: over a limit.
[[nodiscard]] Result<Trace> parse_trace(std::string_view text);

/// Reads and parses a file. NOENT: cannot be opened; IO: cannot be read.
[[nodiscard]] Result<Trace> load_trace(const std::string& path);

}  // namespace exo::sched::sim
