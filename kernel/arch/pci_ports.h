// PCI configuration space through ports 0xcf8 and 0xcfc (PCI Local Bus
// Specification 3.0, 3.2.2.3.2), for machines without a memory window to it: segment 0, the first
// 256 bytes of a function.
#pragma once

#include <cstdint>

namespace exo::arch {

/// `offset` is a multiple of 4 below 256; device < 32, function < 8. The caller serialises.
[[nodiscard]] std::uint32_t pci_port_read(std::uint8_t bus, std::uint8_t device,
                                          std::uint8_t function, std::uint8_t offset);
void pci_port_write(std::uint8_t bus, std::uint8_t device, std::uint8_t function,
                    std::uint8_t offset, std::uint32_t value);

}  // namespace exo::arch
