// Who is told of an interrupt.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"
#include "lib/acpi/platform.h"
#include "lib/base/result.h"

namespace exo {

using InterruptHandler = void (*)(std::uint8_t vector);

/// `handler` is called for every interrupt with that vector, interrupts off, on the CPU that took
/// it. Before the vector can come; replaces an earlier one.
void set_interrupt_handler(std::uint8_t vector, InterruptHandler handler);

/// `handler` is called for ISA interrupt `line`, on this CPU from now on. Several lines may not
/// share one. NODEV: no controller has it; NOSPC: no vector left.
Result<void> connect_isa_interrupt(unsigned line, InterruptHandler handler);

/// What ACPI says of interrupt controllers, with their registers mapped by `map`.
using MapRegisters = VirtAddr (*)(std::uint64_t physical);
void start_interrupts(const acpi::Platform& platform, MapRegisters map);

}  // namespace exo
