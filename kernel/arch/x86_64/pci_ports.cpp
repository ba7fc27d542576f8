#include "kernel/arch/pci_ports.h"

#include "kernel/arch/x86_64/port_io.h"

namespace exo::arch {

namespace {

constexpr std::uint16_t kAddress = 0xcf8;
constexpr std::uint16_t kData = 0xcfc;
constexpr std::uint32_t kEnable = 1u << 31;

void select(std::uint8_t bus, std::uint8_t device, std::uint8_t function, std::uint8_t offset) {
    out32(kAddress, kEnable | std::uint32_t{bus} << 16 | std::uint32_t{device} << 11 |
                        std::uint32_t{function} << 8 | (offset & 0xfcu));
}

}  // namespace

std::uint32_t pci_port_read(std::uint8_t bus, std::uint8_t device, std::uint8_t function,
                            std::uint8_t offset) {
    select(bus, device, function, offset);
    return in32(kData);
}

void pci_port_write(std::uint8_t bus, std::uint8_t device, std::uint8_t function,
                    std::uint8_t offset, std::uint32_t value) {
    select(bus, device, function, offset);
    out32(kData, value);
}

}  // namespace exo::arch
