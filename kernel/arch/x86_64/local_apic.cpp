#include "kernel/arch/local_apic.h"

#include <cpuid.h>

#include <algorithm>

#include "kernel/arch/clock.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/port_io.h"
#include "lib/base/cpu.h"

namespace exo::arch {

namespace {

// Register offsets in memory; in x2APIC the MSR is 0x800 + offset / 16 (SDM table 10-6).
enum Register : std::uint32_t {
    kId = 0x20,
    kTaskPriority = 0x80,
    kEoi = 0xb0,
    kSpurious = 0xf0,
    kIcrLow = 0x300,
    kIcrHigh = 0x310,
    kLvtTimer = 0x320,
    kLvtLint0 = 0x350,
    kLvtLint1 = 0x360,
    kLvtError = 0x370,
    kTimerInitial = 0x380,
    kTimerCurrent = 0x390,
    kTimerDivide = 0x3e0,
};

constexpr std::uint32_t kMasked = 1 << 16;
constexpr std::uint32_t kNmiDelivery = 4 << 8;
constexpr std::uint32_t kInitDelivery = 5 << 8;
constexpr std::uint32_t kStartupDelivery = 6 << 8;
constexpr std::uint32_t kAssert = 1 << 14;
constexpr std::uint32_t kPending = 1 << 12;
constexpr std::uint32_t kDivideBy16 = 3;

constinit volatile std::uint32_t* registers = nullptr;
constinit bool x2apic = false;
// Timer ticks a nanosecond, as a fixed-point number.
constexpr unsigned kRateShift = 32;
constinit std::uint64_t ticks_per_ns = 0;

std::uint32_t read(Register reg) {
    if (x2apic) return static_cast<std::uint32_t>(read_msr(kX2ApicBase + reg / 16));
    return registers[reg / 4];
}

void write(Register reg, std::uint32_t value) {
    if (x2apic) return write_msr(kX2ApicBase + reg / 16, value);
    registers[reg / 4] = value;
}

void send(std::uint32_t apic_id, std::uint32_t command) {
    if (x2apic) {
        return write_msr(kX2ApicBase + kIcrLow / 16, std::uint64_t{apic_id} << 32 | command);
    }
    write(kIcrHigh, apic_id << 24);
    write(kIcrLow, command);
    while ((read(kIcrLow) & kPending) != 0) cpu_relax();
}

void wait_ns(std::uint64_t ns) {
    const std::uint64_t begin = now_ns();
    while (now_ns() - begin < ns) cpu_relax();
}

void measure_timer() {
    constexpr std::uint64_t kMeasureNs = 10'000'000;
    write(kTimerDivide, kDivideBy16);
    write(kLvtTimer, kMasked | kTimerVector);
    write(kTimerInitial, ~0U);
    const std::uint64_t begin = now_ns();
    while (now_ns() - begin < kMeasureNs) cpu_relax();
    const std::uint64_t ticks = ~0U - read(kTimerCurrent);
    ticks_per_ns = (ticks << kRateShift) / (now_ns() - begin);
    write(kTimerInitial, 0);
}

// The legacy controllers' vectors overlap exceptions: moved to 0x20, then all inputs masked.
void silence_legacy_pic() {
    out8(0x20, 0x11), out8(0xa0, 0x11);
    out8(0x21, 0x20), out8(0xa1, 0x28);
    out8(0x21, 4), out8(0xa1, 2);
    out8(0x21, 1), out8(0xa1, 1);
    out8(0x21, 0xff), out8(0xa1, 0xff);
}

}  // namespace

void set_local_apic(VirtAddr at) {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    x2apic = (ecx & (1U << 21)) != 0;
    registers = reinterpret_cast<volatile std::uint32_t*>(at.value);
    silence_legacy_pic();
}

void start_local_apic() {
    constexpr std::uint64_t kEnable = 1 << 11;
    constexpr std::uint64_t kX2Apic = 1 << 10;
    write_msr(kApicBase, read_msr(kApicBase) | kEnable | (x2apic ? kX2Apic : 0));
    write(kTaskPriority, 0);
    write(kLvtLint0, kMasked);
    write(kLvtLint1, kNmiDelivery);
    write(kLvtError, kMasked);
    write(kSpurious, 0x100 | kSpuriousVector);
    if (ticks_per_ns == 0) measure_timer();
    write(kTimerDivide, kDivideBy16);
    write(kLvtTimer, kTimerVector);
}

std::uint32_t local_apic_id() {
    return x2apic ? read(kId) : read(kId) >> 24;
}

void end_of_interrupt() {
    write(kEoi, 0);
}

void send_ipi(std::uint32_t apic_id, std::uint8_t vector) {
    send(apic_id, kAssert | vector);
}

void set_timer(std::uint64_t ns) {
    const auto ticks = static_cast<unsigned __int128>(ns) * ticks_per_ns >> kRateShift;
    write(kTimerInitial, static_cast<std::uint32_t>(std::clamp<unsigned __int128>(ticks, 1, ~0U)));
}

void stop_timer() {
    write(kTimerInitial, 0);
}

void start_cpu(std::uint32_t apic_id, std::uint8_t page) {
    send(apic_id, kAssert | kInitDelivery);
    wait_ns(10'000'000);
    for (int i = 0; i < 2; ++i) {
        send(apic_id, kAssert | kStartupDelivery | page);
        wait_ns(200'000);
    }
}

}  // namespace exo::arch
