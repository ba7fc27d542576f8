// Where a CPU is in the machine, by its APIC id: leaf 0BH of CPUID says how many of the id's bits
// number the threads of a core, and the cores of a package (SDM vol. 3A 9.9).
#include <cpuid.h>

#include <bit>

#include "kernel/arch/cpu.h"

namespace exo::arch {

namespace {

struct IdBits {
    std::uint32_t thread = 0;   // the lowest
    std::uint32_t package = 0;  // from there on
};

IdBits id_bits() {
    constexpr std::uint32_t kTopologyLeaf = 0xb, kLevels = 8;
    constexpr std::uint32_t kThreads = 1, kCores = 2;
    std::uint32_t eax, ebx, ecx, edx;
    IdBits bits;
    for (std::uint32_t level = 0; level < kLevels; ++level) {
        if (__get_cpuid_count(kTopologyLeaf, level, &eax, &ebx, &ecx, &edx) == 0) break;
        const std::uint32_t type = ecx >> 8 & 0xff;
        if (type == kThreads) bits.thread = eax & 31;
        if (type == kThreads || type == kCores) bits.package = eax & 31;
        if (type == 0) break;
    }
    if (bits.package != 0) return bits;
    // Older CPUs: how many ids a package has (HTT, leaf 1); which of them share a core is not told.
    constexpr std::uint32_t kHtt = 1u << 28;
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    const std::uint32_t ids = (edx & kHtt) != 0 ? ebx >> 16 & 0xff : 1;
    bits.package = static_cast<std::uint32_t>(std::bit_width(ids > 0 ? ids - 1 : 0u));
    return bits;
}

}  // namespace

CpuPlace cpu_place(std::uint32_t apic_id) {
    const IdBits bits = id_bits();
    const std::uint32_t package = apic_id >> bits.package;
    return {.package = package, .core = (apic_id - (package << bits.package)) >> bits.thread};
}

}  // namespace exo::arch
