// Model-specific registers (Intel SDM vol. 4).
#pragma once

#include <cstdint>

namespace exo::arch {

inline constexpr std::uint32_t kApicBase = 0x1b;
inline constexpr std::uint32_t kX2ApicBase = 0x800;
inline constexpr std::uint32_t kEfer = 0xc0000080;
inline constexpr std::uint32_t kStar = 0xc0000081;
inline constexpr std::uint32_t kLstar = 0xc0000082;
inline constexpr std::uint32_t kFmask = 0xc0000084;
inline constexpr std::uint32_t kFsBase = 0xc0000100;
inline constexpr std::uint32_t kGsBase = 0xc0000101;
inline constexpr std::uint32_t kTscAux = 0xc0000103;
/// The other GS base, which SWAPGS exchanges: the program's while the kernel runs.
inline constexpr std::uint32_t kKernelGsBase = 0xc0000102;

[[nodiscard]] inline std::uint64_t read_msr(std::uint32_t msr) {
    std::uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return std::uint64_t{high} << 32 | low;
}

inline void write_msr(std::uint32_t msr, std::uint64_t value) {
    asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
}

}  // namespace exo::arch
