#include "kernel/arch/console.h"
#include "kernel/arch/x86_64/port_io.h"
#include "lib/base/cpu.h"

namespace exo::arch {

namespace {

constexpr std::uint16_t kBases[kSerialPorts] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
constexpr unsigned kInterrupts[kSerialPorts] = {4, 3, 4, 3};

// Registers of the 16550 (National Semiconductor PC16550D, table II).
enum Register : std::uint16_t {
    kData = 0,
    kInterruptEnable = 1,
    kFifoControl = 2,
    kLineControl = 3,
    kModemControl = 4,
    kLineStatus = 5,
    kScratch = 7,
};

constexpr std::uint8_t kReceived = 0x01;  // of interrupt enable and of line status
constexpr std::uint8_t kDivisorLatch = 0x80;
constexpr std::uint8_t kEightBits = 0x03;
constexpr std::uint8_t kTransmitterEmpty = 0x20;

constinit bool present[kSerialPorts] = {};

std::uint16_t at(unsigned port, Register reg) {
    return static_cast<std::uint16_t>(kBases[port] + reg);
}

void write_byte(unsigned port, std::uint8_t byte) {
    for (int tries = 0; tries < 100'000; ++tries) {
        if ((in8(at(port, kLineStatus)) & kTransmitterEmpty) != 0) break;
        cpu_relax();
    }
    out8(at(port, kData), byte);
}

bool init_port(unsigned port) {
    out8(at(port, kScratch), 0x5a);
    if (in8(at(port, kScratch)) != 0x5a) return false;
    out8(at(port, kInterruptEnable), 0);
    out8(at(port, kLineControl), kDivisorLatch);
    out8(at(port, kData), 1);  // 115200 / 1
    out8(at(port, kInterruptEnable), 0);
    out8(at(port, kLineControl), kEightBits);
    out8(at(port, kFifoControl), 0xc7);   // on, cleared, 14 bytes
    out8(at(port, kModemControl), 0x0b);  // DTR, RTS, OUT2 (interrupt line)
    return true;
}

}  // namespace

bool serial_init() {
    for (unsigned port = 0; port < kSerialPorts; ++port) present[port] = init_port(port);
    return present[0];
}

bool serial_present(unsigned port) {
    return port < kSerialPorts && present[port];
}

void serial_write(std::string_view text) {
    if (!present[0]) return;
    for (const char c : text) {
        if (c == '\n') write_byte(0, '\r');
        write_byte(0, static_cast<std::uint8_t>(c));
    }
}

void serial_write_raw(unsigned port, std::span<const std::byte> bytes) {
    if (!serial_present(port)) return;
    for (const std::byte byte : bytes) write_byte(port, static_cast<std::uint8_t>(byte));
}

unsigned serial_interrupt(unsigned port) {
    return kInterrupts[port];
}

void serial_enable_input(unsigned port) {
    if (serial_present(port)) out8(at(port, kInterruptEnable), kReceived);
}

int serial_read(unsigned port) {
    if (!serial_present(port) || (in8(at(port, kLineStatus)) & kReceived) == 0) return -1;
    return in8(at(port, kData));
}

}  // namespace exo::arch
