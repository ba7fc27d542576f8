// Nice values and weights, with Linux's meaning (sched(7)): each step of nice is worth a factor of
// about 1.25 of CPU time, nice 0 weighs 1024, a SCHED_IDLE thread 3.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace exo::sched {

inline constexpr int kMinNice = -20;
inline constexpr int kMaxNice = 19;
inline constexpr std::uint32_t kNiceZeroWeight = 1024;
inline constexpr std::uint32_t kIdleWeight = 3;
/// Bounds of a group's weight, those of the cgroup v1 cpu controller's cpu.shares.
inline constexpr std::uint32_t kMinGroupWeight = 2;
inline constexpr std::uint32_t kMaxGroupWeight = 262'144;

namespace detail {

inline constexpr std::size_t kNiceCount = kMaxNice - kMinNice + 1;

/// round(1024 * (5/4)^-nice). 1024 * 5^20 is below 2^57.
constexpr std::array<std::uint32_t, kNiceCount> make_weights() {
    std::array<std::uint32_t, kNiceCount> weights{};
    for (std::size_t i = 0; i < kNiceCount; ++i) {
        const int nice = kMinNice + static_cast<int>(i);
        std::uint64_t numerator = kNiceZeroWeight;
        std::uint64_t denominator = 1;
        for (int step = 0; step < (nice < 0 ? -nice : nice); ++step) {
            numerator *= nice < 0 ? 5 : 4;
            denominator *= nice < 0 ? 4 : 5;
        }
        weights[i] = static_cast<std::uint32_t>((numerator + denominator / 2) / denominator);
    }
    return weights;
}

inline constexpr auto kWeights = make_weights();

}  // namespace detail

/// Weight of `nice`; values outside -20..19 count as the nearest, as in setpriority(2).
[[nodiscard]] constexpr std::uint32_t weight_of_nice(int nice) {
    return detail::kWeights[static_cast<std::size_t>(std::clamp(nice, kMinNice, kMaxNice) -
                                                     kMinNice)];
}

static_assert(weight_of_nice(0) == 1024);
static_assert(weight_of_nice(-20) == 88'818);
static_assert(weight_of_nice(19) == 15);

}  // namespace exo::sched
