// Randomness from the processor, for keys that must not be guessed.
#pragma once

#include <cstdint>

namespace exo::arch {

/// RDRAND where CPUID has it, mixed with the time stamp counter, which is all there is without.
[[nodiscard]] std::uint64_t random_seed();

}  // namespace exo::arch
