// The few calls that the machine makes upward (style: arch-behind-header): declared here, defined
// above. All are called on the stack that the trap uses, interrupts off.
#pragma once

#include "kernel/arch/trap_frame.h"

namespace exo::arch::upcall {

/// An exception that nothing handles, in the kernel. Does not return.
[[noreturn]] void fatal_exception(const TrapFrame& frame, const char* name);

/// A device's or this kernel's own interrupt, `vector` from 0x20 up.
void interrupt(std::uint8_t vector);

}  // namespace exo::arch::upcall
