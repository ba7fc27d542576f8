#include "kernel/core/load_average.h"

#include <algorithm>

#include "kernel/arch/clock.h"
#include "kernel/core/cpu_scheduler.h"

namespace exo {

namespace {

constexpr std::uint64_t kPeriodNs = 5'000'000'000;
constexpr std::uint64_t kOne = 1 << kLoadShift;
/// e^(-5 s/period) of kOne.
constexpr std::array<std::uint64_t, 3> kDecay = {1884, 2014, 2037};
/// After so many samples of the same number, five hours, every average is that number.
constexpr std::uint64_t kMostSamples = 3600;

constinit std::array<Atomic<std::uint64_t>, 3> averages{};

std::uint64_t next_average(std::uint64_t before, std::uint64_t decay, std::uint64_t active) {
    std::uint64_t sum = before * decay + active * (kOne - decay);
    if (active >= before) sum += kOne - 1;  // up, so that it gets there
    return sum / kOne;
}

}  // namespace

constinit Atomic<std::uint64_t> load::next_sample_ns{kPeriodNs};

void load::sample_until(std::uint64_t now) {
    std::uint64_t due = next_sample_ns.load(std::memory_order_relaxed);
    if (now < due) return;
    const std::uint64_t samples = (now - due) / kPeriodNs + 1;
    if (!next_sample_ns.compare_exchange_strong(due, due + samples * kPeriodNs,
                                                std::memory_order_relaxed)) {
        return;  // another CPU makes them
    }
    const std::uint64_t active = CpuScheduler::runnable_threads() * kOne;
    for (std::size_t i = 0; i < averages.size(); ++i) {
        std::uint64_t average = averages[i].load(std::memory_order_relaxed);
        for (std::uint64_t n = std::min(samples, kMostSamples); n != 0; --n)
            average = next_average(average, kDecay[i], active);
        averages[i].store(average, std::memory_order_relaxed);
    }
}

std::array<std::uint64_t, 3> load_averages() {
    sample_load(arch::now_ns());
    std::array<std::uint64_t, 3> values;
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = averages[i].load(std::memory_order_relaxed);
    return values;
}

std::uint32_t runnable_threads() {
    return CpuScheduler::runnable_threads();
}

}  // namespace exo
