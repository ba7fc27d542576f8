// The keyboard port of the PC's i8042 controller (IBM PS/2 Technical Reference, "Keyboard and
// Auxiliary Device Controller").
#pragma once

namespace exo::arch {

inline constexpr unsigned kKeyboardInterrupt = 1;  ///< ISA

/// Empties the keyboard's output and lets it interrupt. False: there is no controller.
bool keyboard_init();

/// The next byte of the keyboard, a scan code of set 1; -1: none. Bytes of a mouse are dropped.
[[nodiscard]] int keyboard_read();

}  // namespace exo::arch
