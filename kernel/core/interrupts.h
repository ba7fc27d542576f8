// Who is told of an interrupt.
#pragma once

#include <cstdint>

namespace exo {

using InterruptHandler = void (*)(std::uint8_t vector);

/// `handler` is called for every interrupt with that vector, interrupts off, on the CPU that took
/// it. Before the vector can come; replaces an earlier one.
void set_interrupt_handler(std::uint8_t vector, InterruptHandler handler);

}  // namespace exo
