// The figures the policy works with: thresholds of the levels, slices, ageing limits and the
// real-time bandwidth. All times are nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::sched {

inline constexpr std::uint64_t kMicrosecond = 1'000;
inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

/// CPUs that a mask can name.
inline constexpr unsigned kMaxCpus = 64;

/// Predicted run time until the next block. Lower value: picked first.
enum class Level : std::uint8_t { Hot, Normal, Cold, Idle };
inline constexpr std::size_t kLevelCount = 4;
inline constexpr std::size_t kPredictedLevelCount = 3;

/// Bursts below this are Hot, below kColdFrom Normal, the rest Cold.
inline constexpr std::uint32_t kNormalFrom = 1 * kMillisecond;
inline constexpr std::uint32_t kColdFrom = 10 * kMillisecond;

[[nodiscard]] constexpr Level level_of_burst(std::uint32_t burst_ns) {
    const unsigned level = static_cast<unsigned>(burst_ns >= kNormalFrom) +
                           static_cast<unsigned>(burst_ns >= kColdFrom);
    return static_cast<Level>(level);
}

/// What an administrator may set, one copy per run queue. The defaults are the design's.
struct Tunables {
    /// Slice of a nice-0 thread by level. Short bursts end on their own; long ones pay for fewer
    /// switches with a longer slice.
    std::uint64_t slice_ns[kLevelCount] = {1 * kMillisecond, 2 * kMillisecond, 4 * kMillisecond,
                                           4 * kMillisecond};
    /// A queue's head that has waited this long may be picked before higher levels; sooner if all
    /// waiting threads together could have had a slice of its level by then. kNever: no ageing.
    std::uint64_t age_limit_ns[kLevelCount] = {10 * kMillisecond, 30 * kMillisecond,
                                               100 * kMillisecond, 500 * kMillisecond};
    /// Longest run of a thread picked for its age, during which no fair thread preempts it.
    std::uint64_t rescue_ns = 4 * kMillisecond;
    /// No weight makes a slice shorter or longer than this.
    std::uint64_t min_slice_ns = 50 * kMicrosecond;
    std::uint64_t max_slice_ns = 400 * kMillisecond;
    /// SCHED_RR's slice, Linux's sched_rr_timeslice_ms.
    std::uint64_t rr_slice_ns = 100 * kMillisecond;
    /// Real-time threads get rt_runtime_ns of each rt_period_ns while others wait
    /// (sched_rt_runtime_us); rt_runtime_ns >= rt_period_ns switches the limit off.
    std::uint64_t rt_period_ns = 1 * kSecond;
    std::uint64_t rt_runtime_ns = 950 * kMillisecond;
};

}  // namespace exo::sched
