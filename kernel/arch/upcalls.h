// The few calls that the machine makes upward (style: arch-behind-header): declared here, defined
// above. All but system_call() are made with interrupts off.
#pragma once

#include "kernel/arch/trap_frame.h"

namespace exo::arch::upcall {

/// An exception that nothing handles, in the kernel. Does not return.
[[noreturn]] void fatal_exception(const TrapFrame& frame, const char* name);

/// An exception of a program, other than a page fault. Interrupts are off; may turn them on.
void program_exception(TrapFrame& frame, std::uint8_t vector);

/// A page fault at `address`, of the kernel or of a program.
void page_fault(TrapFrame& frame, std::uint64_t address);

/// A device's or this kernel's own interrupt, `vector` from 0x20 up.
void interrupt(std::uint8_t vector);

/// A system call: number in orig_rax, arguments and result as Linux has them. Interrupts on.
void system_call(TrapFrame& frame);

/// The last thing before a program goes on. Returns with interrupts off.
void return_to_user(TrapFrame& frame);

}  // namespace exo::arch::upcall
