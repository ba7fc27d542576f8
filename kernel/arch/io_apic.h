// The controllers that bring devices' interrupts to CPUs (Intel 82093AA I/O APIC).
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"
#include "lib/base/result.h"

namespace exo::arch {

enum class Trigger : std::uint8_t { kEdge, kLevel };
enum class Polarity : std::uint8_t { kHigh, kLow };

/// A controller whose registers are at `registers` and whose input 0 is global interrupt `first`.
/// All inputs are masked. NOSPC: more than the kernel knows of.
Result<void> add_io_apic(VirtAddr registers, std::uint32_t first);

/// Sends global interrupt `global` as `vector` to the CPU with that APIC id. NODEV: no controller
/// has that input. The caller serialises.
Result<void> route_interrupt(std::uint32_t global, std::uint8_t vector, std::uint32_t apic_id,
                             Trigger trigger, Polarity polarity);

}  // namespace exo::arch
