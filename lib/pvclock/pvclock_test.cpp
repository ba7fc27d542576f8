#include "lib/pvclock/pvclock.h"

#include <gtest/gtest.h>

#include <map>

namespace exo::pvclock {
namespace {

/// What Linux's KVM computes for a TSC of `hz` (arch/x86/kvm/x86.c, kvm_get_time_scale).
TimeInfo page_of(std::uint64_t hz) {
    TimeInfo info;
    std::uint64_t scaled = 1'000'000'000, base = hz;
    while (base > scaled * 2 || (base >> 32) != 0) {
        base >>= 1;
        --info.tsc_shift;
    }
    while (base <= scaled || (scaled >> 32) != 0) {
        if ((scaled >> 32) != 0 || (base >> 31) != 0) {
            scaled >>= 1;
        } else {
            base <<= 1;
        }
        ++info.tsc_shift;
    }
    info.tsc_to_system_mul = static_cast<std::uint32_t>((scaled << 32) / base);
    return info;
}

TEST(Pvclock, RateIsTheHosts) {
    for (const std::uint64_t hz :
         {50'000'000ULL, 999'999'999ULL, 1'000'000'001ULL, 2'300'000'000ULL, 2'595'124'000ULL,
          4'000'000'000ULL, 5'700'000'000ULL}) {
        const auto rate = tsc_rate(page_of(hz));
        ASSERT_TRUE(rate);
        EXPECT_NEAR(static_cast<double>(*rate), static_cast<double>(hz),
                    static_cast<double>(hz) * 2e-9)
            << hz;
    }
}

TEST(Pvclock, NanosecondsFollowTheTsc) {
    for (const std::uint64_t hz : {500'000'000ULL, 2'300'000'000ULL, 5'700'000'000ULL}) {
        TimeInfo info = page_of(hz);
        info.tsc_timestamp = 1ULL << 40;
        info.system_time = 77;
        EXPECT_EQ(nanoseconds(info, info.tsc_timestamp), 77U);
        for (const std::uint64_t seconds : {1ULL, 60ULL, 3600ULL}) {
            const std::uint64_t ns = nanoseconds(info, info.tsc_timestamp + hz * seconds) - 77;
            EXPECT_NEAR(static_cast<double>(ns), static_cast<double>(seconds) * 1e9,
                        static_cast<double>(seconds) * 4)
                << hz;
        }
    }
}

TEST(Pvclock, NonsenseGivesNoRate) {
    TimeInfo info;
    EXPECT_FALSE(tsc_rate(info));
    info.tsc_to_system_mul = 1;
    EXPECT_FALSE(tsc_rate(info)) << "too fast";
    info = page_of(2'000'000'000);
    for (const int shift : {127, 32, -32, -128, 31}) {
        info.tsc_shift = static_cast<std::int8_t>(shift);
        EXPECT_FALSE(tsc_rate(info)) << shift;
    }
}

TEST(Pvclock, PageThatIsBeingWrittenIsNotRead) {
    TimeInfo page = page_of(2'000'000'000);
    page.version = 6;
    page.flags = kStable;
    const auto copy = read_page(page);
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->tsc_to_system_mul, page.tsc_to_system_mul);
    EXPECT_EQ(copy->flags, kStable);
    page.version = 7;
    EXPECT_FALSE(read_page(page));
}

/// CPUID by a table; leaves that are not in it are zeros.
class Cpuid {
  public:
    Cpuid& set(std::uint32_t leaf, Registers value) {
        leaves_[leaf] = value;
        return *this;
    }
    Cpuid& kvm(std::uint32_t base, std::uint32_t features) {
        set(1, {0, 0, 1u << 31, 0});
        return set(base, {base + 1, 0x4b4d564b, 0x564b4d56, 0x4d})
            .set(base + 1, {features, 0, 0, 0});
    }
    Registers operator()(std::uint32_t leaf) const {
        const auto found = leaves_.find(leaf);
        return found == leaves_.end() ? Registers() : found->second;
    }

  private:
    std::map<std::uint32_t, Registers> leaves_;
};

constexpr std::uint32_t kBase = 0x40000000, kStableBit = 1 << 24;

TEST(Pvclock, IsFoundWhereKvmOffersIt) {
    EXPECT_EQ(find_clock_msr(Cpuid().kvm(kBase, kStableBit | 1 << 3 | 1)), 0x4b564d01U);
    EXPECT_EQ(find_clock_msr(Cpuid().kvm(kBase, kStableBit | 1)), 0x12U);
    EXPECT_EQ(find_clock_msr(Cpuid().kvm(kBase + 0x100, kStableBit | 1 << 3)), 0x4b564d01U)
        << "behind Hyper-V's leaves";
}

TEST(Pvclock, IsNotFoundElsewhere) {
    EXPECT_FALSE(find_clock_msr(Cpuid())) << "a real machine";
    EXPECT_FALSE(find_clock_msr(Cpuid().kvm(kBase, 1 << 3))) << "not the same on all CPUs";
    EXPECT_FALSE(find_clock_msr(Cpuid().kvm(kBase, kStableBit))) << "no clock";
    EXPECT_FALSE(find_clock_msr(Cpuid().kvm(kBase, kStableBit | 8).set(1, {}))) << "no hypervisor";
    Cpuid tcg;
    tcg.set(1, {0, 0, 1u << 31, 0}).set(kBase, {kBase + 1, 0x54474354, 0x43544743, 0x47435447});
    EXPECT_FALSE(find_clock_msr(tcg));
}

}  // namespace
}  // namespace exo::pvclock
