#include "kernel/arch/power.h"

#include "kernel/arch/x86_64/port_io.h"
#include "lib/base/cpu.h"

namespace exo::arch {

void write_port8(std::uint16_t port, std::uint8_t value) {
    out8(port, value);
}

std::uint16_t read_port16(std::uint16_t port) {
    return in16(port);
}

void write_port16(std::uint16_t port, std::uint16_t value) {
    out16(port, value);
}

void reset_by_keyboard_controller() {
    constexpr std::uint16_t kCommand = 0x64;
    constexpr std::uint8_t kInputFull = 1 << 1, kPulseReset = 0xfe, kNothing = 0xff;
    constexpr int kTries = 100'000;
    if (in8(kCommand) == kNothing) return;
    for (int i = 0; i < kTries && (in8(kCommand) & kInputFull) != 0; ++i) cpu_relax();
    out8(kCommand, kPulseReset);
}

void reset_by_triple_fault() {
    struct [[gnu::packed]] {
        std::uint16_t limit = 0;
        std::uint64_t base = 0;
    } empty;
    for (;;) asm volatile("lidt %0; int3" ::"m"(empty));
}

}  // namespace exo::arch
