// Names of the processor (SDM vol. 2A, CPUID).
#include <cpuid.h>

#include <cstring>

#include "kernel/arch/cpu.h"

namespace exo::arch {

CpuName cpu_name() {
    CpuName name = {};
    std::uint32_t eax, ebx, ecx, edx;
    __get_cpuid(0, &eax, &ebx, &ecx, &edx);
    const std::uint32_t vendor[] = {ebx, edx, ecx};
    std::memcpy(name.vendor, vendor, sizeof vendor);
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    name.stepping = eax & 15;
    name.model = (eax >> 4 & 15) | (eax >> 12 & 0xf0);
    name.family = (eax >> 8 & 15) + ((eax >> 8 & 15) == 15 ? eax >> 20 & 0xff : 0);
    constexpr std::uint32_t kFirstBrandLeaf = 0x80000002;
    for (std::uint32_t i = 0; i < 3; ++i) {
        std::uint32_t words[4] = {};
        if (__get_cpuid(kFirstBrandLeaf + i, words, words + 1, words + 2, words + 3) == 0) break;
        std::memcpy(name.brand + i * sizeof words, words, sizeof words);
    }
    return name;
}

}  // namespace exo::arch
