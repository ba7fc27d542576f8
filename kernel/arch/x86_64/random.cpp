#include "kernel/arch/random.h"

#include <cpuid.h>

#include "lib/base/cpu.h"

namespace exo::arch {

namespace {

/// 0 where there is no RDRAND, or it has nothing after ten attempts (SDM vol. 1 7.3.17.1).
std::uint64_t hardware_random() {
    constexpr unsigned kRdrand = 1U << 30;
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kRdrand) == 0) return 0;
    for (int attempt = 0; attempt < 10; ++attempt) {
        std::uint64_t value;
        bool valid;
        asm volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
        if (valid) return value;
    }
    return 0;
}

}  // namespace

std::uint64_t random_seed() {
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the sum reaches all.
    std::uint64_t mixed = hardware_random() + read_tsc();
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

}  // namespace exo::arch
