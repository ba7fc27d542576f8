// Copies between the kernel and a program's memory: the only code that opens SMAP (style:
// hw-guard). Addresses are checked against the user half; what faults and cannot be resolved ends
// the copy. May fault, and so sleep: no spin lock is held.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::arch {

/// End of what a program can address; a page below the canonical hole, as on Linux.
inline constexpr std::uint64_t kUserEnd = 0x00007ffffffff000;

/// All return how many bytes at the end were not copied: 0 is success.
[[nodiscard]] std::size_t copy_from_user(void* to, std::uint64_t user_from, std::size_t bytes);
[[nodiscard]] std::size_t copy_to_user(std::uint64_t user_to, const void* from, std::size_t bytes);
[[nodiscard]] std::size_t clear_user(std::uint64_t user_at, std::size_t bytes);

/// Copies a string with its NUL, at most `capacity` bytes of it. The length without NUL; -1: a
/// fault; `capacity`: no NUL within.
[[nodiscard]] std::ptrdiff_t copy_string_from_user(char* to, std::uint64_t user_from,
                                                   std::size_t capacity);

/// Compares and exchanges a program's aligned word. False: fault. `seen` is what was there.
[[nodiscard]] bool compare_exchange_user(std::uint64_t user_at, std::uint32_t expected,
                                         std::uint32_t desired, std::uint32_t& seen);

}  // namespace exo::arch
