#include "kernel/arch/console.h"
#include "kernel/arch/x86_64/port_io.h"
#include "lib/base/cpu.h"

namespace exo::arch {

namespace {

// Registers of the 16550 at COM1 (National Semiconductor PC16550D, table II).
constexpr std::uint16_t kCom1 = 0x3f8;
constexpr std::uint16_t kData = kCom1 + 0;
constexpr std::uint16_t kInterruptEnable = kCom1 + 1;
constexpr std::uint16_t kFifoControl = kCom1 + 2;
constexpr std::uint16_t kLineControl = kCom1 + 3;
constexpr std::uint16_t kModemControl = kCom1 + 4;
constexpr std::uint16_t kLineStatus = kCom1 + 5;
constexpr std::uint16_t kScratch = kCom1 + 7;

constexpr std::uint8_t kDivisorLatch = 0x80;
constexpr std::uint8_t kEightBits = 0x03;
constexpr std::uint8_t kTransmitterEmpty = 0x20;

bool present = false;

void write_byte(char c) {
    for (int tries = 0; tries < 100'000; ++tries) {
        if ((in8(kLineStatus) & kTransmitterEmpty) != 0) break;
        cpu_relax();
    }
    out8(kData, static_cast<std::uint8_t>(c));
}

}  // namespace

bool serial_init() {
    out8(kScratch, 0x5a);
    present = in8(kScratch) == 0x5a;
    if (!present) return false;
    out8(kInterruptEnable, 0);
    out8(kLineControl, kDivisorLatch);
    out8(kData, 1);  // 115200 / 1
    out8(kInterruptEnable, 0);
    out8(kLineControl, kEightBits);
    out8(kFifoControl, 0xc7);   // on, cleared, 14 bytes
    out8(kModemControl, 0x0b);  // DTR, RTS, OUT2 (interrupt line)
    return true;
}

void serial_write(std::string_view text) {
    if (!present) return;
    for (const char c : text) {
        if (c == '\n') write_byte('\r');
        write_byte(c);
    }
}

}  // namespace exo::arch
