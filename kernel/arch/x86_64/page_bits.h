// Bits of page-table entries, SDM vol. 3A table 4-15 and following.
#pragma once

#include <cstdint>

namespace exo::arch::page_bits {

inline constexpr std::uint64_t kPresent = 1 << 0;
inline constexpr std::uint64_t kWritable = 1 << 1;
inline constexpr std::uint64_t kUser = 1 << 2;
inline constexpr std::uint64_t kCacheDisable = 1 << 4;
inline constexpr std::uint64_t kLarge = 1 << 7;
inline constexpr std::uint64_t kGlobal = 1 << 8;
/// Ours (bits 9 to 11 are the system's): the entry holds a frame, accessible or not.
inline constexpr std::uint64_t kHeld = 1 << 9;
inline constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kAddress = 0x000ffffffffff000;

}  // namespace exo::arch::page_bits
