// The ends of the machine: off, again, or halted. Each stops the other CPUs first and tells the
// log. Which registers do it, ACPI says (chapters 4.8.3 and 7.4.2); what it does not say is tried
// the way PCs have always done it.
#pragma once

#include <string_view>

#include "kernel/core/interrupts.h"
#include "lib/acpi/platform.h"

namespace exo {

/// Once, before another CPU is started: maps the registers by `map`. `reset` is what the command
/// line's reboot= says: which way to try first, a (ACPI, the default), k (keyboard) or t (fault).
void start_power(const acpi::Platform& platform, MapRegisters map, std::string_view reset);

/// Halts where the machine cannot be told to switch itself off.
[[noreturn]] void power_off();
/// By ACPI's reset register, else the keyboard controller, else a triple fault.
[[noreturn]] void restart();
[[noreturn]] void halt();

}  // namespace exo
