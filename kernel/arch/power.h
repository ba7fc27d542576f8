// What the ends of the machine need of a PC: ports that ACPI names, and two ways to reset that need
// no table.
#pragma once

#include <cstdint>

namespace exo::arch {

void write_port8(std::uint16_t port, std::uint8_t value);
[[nodiscard]] std::uint16_t read_port16(std::uint16_t port);
void write_port16(std::uint16_t port, std::uint16_t value);

/// Asks the keyboard controller, whose output 0 is the reset line. Returns where there is none.
void reset_by_keyboard_controller();

/// A fault that no handler can take: the CPU shuts down, which resets a PC (SDM vol. 3A 6.15).
[[noreturn]] void reset_by_triple_fault();

}  // namespace exo::arch
