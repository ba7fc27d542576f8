// What is on the PCI buses (PCI Local Bus Specification 3.0; PCI Express Base 4.0 chapter 7). Found
// once at start, behind bridges too; drivers look for what they know.
#pragma once

#include <cstdint>
#include <span>

#include "lib/acpi/platform.h"
#include "lib/base/result.h"

namespace exo {

struct PciAddress {
    std::uint16_t segment = 0;
    std::uint8_t bus = 0, device = 0, function = 0;
};

struct PciDevice {
    PciAddress address;
    std::uint16_t vendor = 0, product = 0;
    std::uint16_t subsystem_vendor = 0, subsystem = 0;
    std::uint32_t class_code = 0;  ///< class << 16 | subclass << 8 | programming interface
    std::uint8_t revision = 0;
    std::uint8_t header_type = 0;  ///< without the multifunction bit; 1: a bridge
};

/// Finds all functions and logs how many. Once, before drivers start. NOMEM.
Result<void> start_pci(const acpi::Platform& platform);
[[nodiscard]] std::span<const PciDevice> pci_devices();

/// Configuration space of a function that exists; `offset` is a multiple of 4 below 4096. All ones
/// where there is nothing.
[[nodiscard]] std::uint32_t pci_read(const PciAddress& at, std::uint16_t offset);
void pci_write(const PciAddress& at, std::uint16_t offset, std::uint32_t value);

}  // namespace exo
