// Numbers of system calls that the kernel itself needs; all are in syscalls.def.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::abi {

inline constexpr std::uint64_t kRestartSyscall = 219;
/// One above the highest number.
inline constexpr std::size_t kSyscallNumbers = 512;

}  // namespace exo::abi
