// What the kernel must know of the machine, read from ACPI's static tables (ACPI Specification 6.5,
// chapter 5): MADT for CPUs and interrupt controllers, MCFG for PCI, HPET, FADT for power-off and
// the PM timer. Tables come from firmware or an emulator and are not trusted: lengths are checked
// against what can be mapped, checksums verified, counts bounded, and a table that lies is left
// out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/result.h"

namespace exo::acpi {

/// Gives `size` bytes of physical memory at `address` to read, for as long as parsing lasts.
class PhysicalMemory {
  public:
    /// FAULT: not all of it is memory that can be read.
    virtual Result<std::span<const std::byte>> at(std::uint64_t address, std::size_t size) = 0;

  protected:
    ~PhysicalMemory() = default;
};

/// At most `kMax` of something; what comes after is dropped and remembered.
template <typename T, std::size_t kMax>
class Bounded {
  public:
    void add(const T& value) {
        if (count_ < kMax) {
            store_[count_++] = value;
        } else {
            overflowed_ = true;
        }
    }
    [[nodiscard]] std::span<const T> all() const { return std::span(store_).first(count_); }
    [[nodiscard]] bool overflowed() const { return overflowed_; }

  private:
    std::array<T, kMax> store_ = {};
    std::size_t count_ = 0;
    bool overflowed_ = false;
};

struct LocalApic {
    std::uint32_t apic_id = 0;
    bool enabled = false;  ///< else: may be started later by hot-plug
};

struct IoApic {
    std::uint32_t address = 0;
    std::uint32_t first_interrupt = 0;  ///< global system interrupt of its input 0
};

/// An ISA interrupt that is not wired one to one (ACPI 5.2.12.5).
struct InterruptOverride {
    std::uint8_t source = 0;
    std::uint32_t global = 0;
    std::uint16_t flags = 0;  ///< MPS INTI: polarity bits 0-1, trigger bits 2-3
};

/// An ECAM window of PCI configuration space (PCI Firmware Specification 3.3, 4.1.2).
struct PciWindow {
    std::uint64_t address = 0;
    std::uint16_t segment = 0;
    std::uint8_t first_bus = 0;
    std::uint8_t last_bus = 0;
};

enum class Space : std::uint8_t { kNone, kMemory, kPort };

/// A generic address (ACPI 5.2.3.2) of a register of one byte.
struct Register {
    Space space = Space::kNone;
    std::uint64_t address = 0;
};

struct Platform {
    std::uint64_t local_apic_address = 0;  ///< 0: no MADT
    bool legacy_pic = false;
    Bounded<LocalApic, 64> cpus;
    Bounded<IoApic, 8> io_apics;
    Bounded<InterruptOverride, 24> overrides;
    Bounded<PciWindow, 8> pci;
    std::uint64_t hpet_address = 0;   ///< 0: none
    std::uint32_t pm_timer_port = 0;  ///< 0: none
    std::uint32_t pm1a_control_port = 0;
    std::uint32_t pm1b_control_port = 0;
    std::uint16_t sleep_type_a = 0;  ///< SLP_TYP of S5, where has_power_off
    std::uint16_t sleep_type_b = 0;
    bool has_power_off = false;
    Register sleep_control;  ///< in the place of PM1 on machines with reduced hardware (4.8.3.7)
    Register reset;          ///< `reset_value` written to it resets the machine (4.8.3.6)
    std::uint8_t reset_value = 0;
};

/// Reads the tables that the RSDP at `rsdp` leads to. PROTO: no RSDP there, or no root table;
/// single broken tables are left out. `rsdp` 0 searches the BIOS area (ACPI 5.2.5.1); NODEV: none
/// found.
Result<Platform> read_platform(PhysicalMemory& memory, std::uint64_t rsdp);

}  // namespace exo::acpi
