// Load averages (getloadavg(3)): threads that run or wait for a CPU, averaged over 1, 5 and 15
// minutes by Linux's rule: every five seconds the old value counts e^(-5 s/period) and the number
// of now the rest. There is no timer for it: between two changes of the run queues the number stays
// the same, so the next change makes up for the samples that have become due.
//
// LINUX-DIFF: threads that wait for a disk do not count; there are none.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/atomic.h"

namespace exo {

inline constexpr unsigned kLoadShift = 11;  ///< averages are in 1/2048

/// Of 1, 5 and 15 minutes.
[[nodiscard]] std::array<std::uint64_t, 3> load_averages();
/// How many threads run or wait for a CPU.
[[nodiscard]] std::uint32_t runnable_threads();

namespace load {
/// relaxed everywhere: who moves it makes the samples up to there, alone.
extern Atomic<std::uint64_t> next_sample_ns;
void sample_until(std::uint64_t now);
}  // namespace load

/// Before a run queue changes: counts what was until `now` (arch::now_ns()).
inline void sample_load(std::uint64_t now) {
    if (now >= load::next_sample_ns.load(std::memory_order_relaxed)) load::sample_until(now);
}

}  // namespace exo
