// The clock that KVM gives its guests (Linux: Documentation/virt/kvm/x86/msr.rst and cpuid.rst):
// whether it is offered, and what its page says. A page is written by the host at any time, so it
// is read until its version stays even and the same.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

namespace exo::pvclock {

/// struct pvclock_vcpu_time_info: nanoseconds as of `tsc_timestamp` and how the TSC goes on from
/// there.
struct TimeInfo {
    std::uint32_t version = 0;  ///< odd: the host writes it
    std::uint32_t reserved0 = 0;
    std::uint64_t tsc_timestamp = 0;
    std::uint64_t system_time = 0;  ///< ns
    std::uint32_t tsc_to_system_mul = 0;
    std::int8_t tsc_shift = 0;
    std::uint8_t flags = 0;
    std::uint8_t reserved1[2] = {};
};
static_assert(sizeof(TimeInfo) == 32);

/// Of TimeInfo::flags: the same on all CPUs.
inline constexpr std::uint8_t kStable = 1 << 0;

/// A copy of a page that the host may be writing; nothing if it would not hold still.
inline std::optional<TimeInfo> read_page(const volatile TimeInfo& page) {
    constexpr int kTries = 1000;
    for (int i = 0; i < kTries; ++i) {
        TimeInfo copy;
        copy.version = page.version;
        // The host is on this very CPU or has stopped it: the compiler's order is what matters.
        asm volatile("" ::: "memory");
        copy.tsc_timestamp = page.tsc_timestamp;
        copy.system_time = page.system_time;
        copy.tsc_to_system_mul = page.tsc_to_system_mul;
        copy.tsc_shift = page.tsc_shift;
        copy.flags = page.flags;
        asm volatile("" ::: "memory");
        if ((copy.version & 1) == 0 && page.version == copy.version) return copy;
    }
    return std::nullopt;
}

/// Nanoseconds at that TSC, which is not before tsc_timestamp.
inline std::uint64_t nanoseconds(const TimeInfo& info, std::uint64_t tsc) {
    auto delta = static_cast<unsigned __int128>(tsc - info.tsc_timestamp);
    if (info.tsc_shift >= 0) {
        delta <<= info.tsc_shift & 63;
    } else {
        delta >>= -info.tsc_shift & 63;
    }
    delta = static_cast<std::uint64_t>(delta);  // the host's arithmetic has 64 bits here
    return info.system_time + static_cast<std::uint64_t>(delta * info.tsc_to_system_mul >> 32);
}

/// Ticks of the TSC a second; nothing where the page makes no sense.
inline std::optional<std::uint64_t> tsc_rate(const TimeInfo& info) {
    constexpr int kMostShift = 31;
    if (info.tsc_to_system_mul == 0) return std::nullopt;
    if (info.tsc_shift > kMostShift || info.tsc_shift < -kMostShift) return std::nullopt;
    // A tick takes (mul / 2^32) * 2^shift ns.
    const std::uint64_t unshifted = (std::uint64_t{1'000'000'000} << 32) / info.tsc_to_system_mul;
    const std::uint64_t rate =
        info.tsc_shift < 0 ? unshifted << -info.tsc_shift : unshifted >> info.tsc_shift;
    // What the shift would lose.
    if (info.tsc_shift < 0 && rate >> -info.tsc_shift != unshifted) return std::nullopt;
    constexpr std::uint64_t kLeast = 1'000'000, kMost = 100'000'000'000;
    if (rate < kLeast || rate > kMost) return std::nullopt;
    return rate;
}

struct Registers {
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// The MSR that takes the page's address, bit 0 set; nothing if no KVM offers such a clock, stable
/// on all CPUs. `cpuid(leaf)` gives Registers.
template <typename Cpuid>
std::optional<std::uint32_t> find_clock_msr(Cpuid cpuid) {
    constexpr std::uint32_t kHypervisor = 1u << 31;  // leaf 1, ECX
    constexpr std::uint32_t kFirst = 0x40000000, kEnd = 0x40010000, kStep = 0x100;
    constexpr std::uint32_t kClock = 1 << 0, kClock2 = 1 << 3, kStableClock = 1 << 24;
    constexpr std::uint32_t kOldMsr = 0x12, kMsr = 0x4b564d01;
    if ((cpuid(1).ecx & kHypervisor) == 0) return std::nullopt;
    // Another interface may stand before KVM's, such as Hyper-V's.
    for (std::uint32_t base = kFirst; base != kEnd; base += kStep) {
        const Registers signature = cpuid(base);
        char name[12];
        std::memcpy(name, &signature.ebx, 4);
        std::memcpy(name + 4, &signature.ecx, 4);
        std::memcpy(name + 8, &signature.edx, 4);
        if (std::memcmp(name, "KVMKVMKVM\0\0\0", sizeof name) != 0) continue;
        // Old ones say 0 and mean the leaf of features.
        if (signature.eax != 0 && signature.eax < base + 1) return std::nullopt;
        const std::uint32_t features = cpuid(base + 1).eax;
        if ((features & kStableClock) == 0) return std::nullopt;
        if ((features & kClock2) != 0) return kMsr;
        if ((features & kClock) != 0) return kOldMsr;
        return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace exo::pvclock
