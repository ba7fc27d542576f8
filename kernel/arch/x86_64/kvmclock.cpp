#include "kernel/arch/x86_64/kvmclock.h"

#include <cpuid.h>

#include "kernel/arch/address.h"
#include "kernel/arch/x86_64/msr.h"
#include "lib/pvclock/pvclock.h"

namespace exo::arch {

namespace {

/// The host writes here; aligned, so that it lies within a page.
alignas(64) constinit volatile pvclock::TimeInfo page;

pvclock::Registers read_cpuid(std::uint32_t leaf) {
    pvclock::Registers out;
    __cpuid(leaf, out.eax, out.ebx, out.ecx, out.edx);
    return out;
}

}  // namespace

std::optional<std::uint64_t> rate_by_kvmclock() {
    constexpr std::uint64_t kOn = 1;
    const auto msr = pvclock::find_clock_msr(read_cpuid);
    if (!msr) return std::nullopt;
    const std::uint64_t at = reinterpret_cast<std::uintptr_t>(&page) - kKernelImage.value;
    write_msr(*msr, at | kOn);
    const auto info = pvclock::read_page(page);
    // The clock itself stays the TSC, which programs read too: the host need not go on writing.
    write_msr(*msr, 0);
    if (!info || (info->flags & pvclock::kStable) == 0) return std::nullopt;
    return pvclock::tsc_rate(*info);
}

}  // namespace exo::arch
