#include "kernel/arch/clock.h"

#include "kernel/arch/x86_64/kvmclock.h"
#include "kernel/arch/x86_64/port_io.h"
#include "lib/base/cpu.h"
#include "lib/base/panic.h"

namespace exo::arch {

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kMeasureNs = 10'000'000;

// ns = ticks * multiplier >> kShift, exact to 2^-32 of the rate.
constexpr unsigned kShift = 32;

constinit std::uint64_t rate = 0;
constinit const char* reference = "nothing";
constinit std::uint64_t multiplier = 0;
constinit std::uint64_t origin = 0;

// IA-PC HPET Specification 1.0a, 2.3: period in femtoseconds in the upper half of the capabilities,
// the main counter at 0xf0, bit 0 of the configuration starts it.
class Hpet {
  public:
    explicit Hpet(VirtAddr registers) : base_(registers.value) {}

    bool start() {
        period_fs_ = read(0x00) >> 32;
        if (period_fs_ == 0 || period_fs_ > 100'000'000) return false;
        write(0x10, read(0x10) | 1);
        const std::uint64_t first = read(0xf0);
        for (int i = 0; i < 1'000'000; ++i) {
            if (read(0xf0) != first) return true;
        }
        return false;
    }

    [[nodiscard]] std::uint64_t counter() const { return read(0xf0); }
    [[nodiscard]] std::uint64_t ticks(std::uint64_t ns) const {
        return ns * 1'000'000 / period_fs_;
    }
    [[nodiscard]] std::uint64_t ns(std::uint64_t ticks) const {
        return ticks * period_fs_ / 1'000'000;
    }

  private:
    [[nodiscard]] std::uint64_t read(std::uint64_t offset) const {
        return *reinterpret_cast<volatile std::uint64_t*>(base_ + offset);
    }
    void write(std::uint64_t offset, std::uint64_t value) const {
        *reinterpret_cast<volatile std::uint64_t*>(base_ + offset) = value;
    }

    std::uint64_t base_;
    std::uint64_t period_fs_ = 0;
};

std::uint64_t rate_by_hpet(Hpet hpet) {
    const std::uint64_t begin = hpet.counter();
    const std::uint64_t first = read_tsc();
    const std::uint64_t wanted = hpet.ticks(kMeasureNs);
    while (hpet.counter() - begin < wanted) cpu_relax();
    const std::uint64_t last = read_tsc();
    const std::uint64_t elapsed = hpet.ns(hpet.counter() - begin);
    return (last - first) * kNsPerSecond / elapsed;
}

// 8254 channel 0 counting down from 65536 in mode 2, read by latching. Channel 2 would need the
// gate in port 0x61, which not every machine has.
class Pit {
  public:
    static constexpr std::uint64_t kHz = 1'193'182;

    Pit() {
        out8(kCommand, 0x34);
        out8(kChannel0, 0);
        out8(kChannel0, 0);
    }

    /// Ticks counted down so far, modulo 65536.
    [[nodiscard]] std::uint16_t elapsed() const {
        out8(kCommand, 0);
        const unsigned low = in8(kChannel0);
        const unsigned high = in8(kChannel0);
        return static_cast<std::uint16_t>(0U - (high << 8 | low));
    }

  private:
    static constexpr std::uint16_t kChannel0 = 0x40;
    static constexpr std::uint16_t kCommand = 0x43;
};

std::uint64_t rate_by_pit() {
    constexpr std::uint64_t kWanted = Pit::kHz * kMeasureNs / kNsPerSecond;
    const Pit pit;
    const std::uint16_t begin = pit.elapsed();
    const std::uint64_t first = read_tsc();
    std::uint64_t ticks = 0;
    for (std::uint64_t spins = 0; ticks < kWanted; ++spins) {
        EXO_CHECK(spins < 10'000'000, "neither HPET nor PIT ticks: nothing to measure the TSC by");
        ticks = static_cast<std::uint16_t>(pit.elapsed() - begin);
    }
    return (read_tsc() - first) * Pit::kHz / ticks;
}

}  // namespace

void start_clock(VirtAddr registers) {
    Hpet hpet(registers);
    if (const auto told = rate_by_kvmclock()) {
        rate = *told;
        reference = "kvmclock";
    } else if (registers.value != 0 && hpet.start()) {
        rate = rate_by_hpet(hpet);
        reference = "HPET";
    } else {
        rate = rate_by_pit();
        reference = "PIT";
    }
    EXO_CHECK(rate >= 1'000'000, "the TSC does not tick");
    multiplier = (kNsPerSecond << kShift) / rate;
    origin = read_tsc();
}

std::uint64_t now_ns() {
    const auto ticks = static_cast<unsigned __int128>(read_tsc() - origin);
    return static_cast<std::uint64_t>(ticks * multiplier >> kShift);
}

std::uint64_t ticks_to_ns(std::uint64_t ticks) {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(ticks) * multiplier >> kShift);
}

ClockRate clock_rate() {
    return {origin, multiplier, kShift};
}

const char* clock_reference() {
    return reference;
}

std::uint64_t tsc_rate() {
    return rate;
}

}  // namespace exo::arch
