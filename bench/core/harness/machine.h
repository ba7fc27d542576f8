// What a benchmark must know of the machine it runs on: CPUs it may use, TSC rate, ordered stamps.
#pragma once

#include <cstdint>
#include <vector>

namespace exo::bench {

/// CPUs this process may run on (sched_getaffinity(2)), taken once at its start.
[[nodiscard]] const std::vector<int>& allowed_cpus();

/// Pins the calling thread; ends the program with a message if the kernel refuses.
void pin_to_cpu(int cpu);

/// TSC ticks per second, measured against CLOCK_MONOTONIC_RAW over 50 ms, once.
[[nodiscard]] double tsc_hz();

/// TSC after all earlier instructions have executed (RDTSCP; SDM vol. 2B).
[[nodiscard]] inline std::uint64_t stamp() {
    unsigned cpu;
    const std::uint64_t now = __builtin_ia32_rdtscp(&cpu);
    asm volatile("lfence" ::: "memory");
    return now;
}

/// Keeps the compiler from dropping the computation of `value`.
template <typename T>
inline void keep(const T& value) {
    asm volatile("" ::"r,m"(value) : "memory");
}

}  // namespace exo::bench
