// Time: nanoseconds since the clock was started, from the TSC, which must tick at a constant rate
// (CPUID 0x80000007 EDX bit 8, or an emulator, whose TSC always does). Its rate is KVM's word where
// there is one, else measured against a reference of known rate: the HPET, else the PIT.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"

namespace exo::arch {

/// Starts the clock. `hpet` is where its registers are mapped; 0: none, the PIT serves.
/// Takes 10 ms where it has to measure. Panics if neither ticks.
void start_clock(VirtAddr hpet);

/// Nanoseconds since start_clock(). Monotonic on one CPU; lock-free, callable from any context.
[[nodiscard]] std::uint64_t now_ns();

/// TSC ticks a second, as measured.
[[nodiscard]] std::uint64_t tsc_rate();

/// Nanoseconds in so many ticks.
[[nodiscard]] std::uint64_t ticks_to_ns(std::uint64_t ticks);
/// What that was measured by, or who told it: "kvmclock", "HPET" or "PIT".
[[nodiscard]] const char* clock_reference();

/// How now_ns() makes nanoseconds of the TSC: (tsc - origin) * multiplier >> shift, in 128 bits.
struct ClockRate {
    std::uint64_t origin;
    std::uint64_t multiplier;
    std::uint32_t shift;
};
[[nodiscard]] ClockRate clock_rate();

}  // namespace exo::arch
