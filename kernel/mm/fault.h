// Page faults, from the trap to the address space.
#pragma once

#include "kernel/arch/trap_frame.h"
#include "kernel/mm/address_space.h"

namespace exo {

/// A program's fault that its address space cannot resolve, defined by the personality: a signal,
/// or the end of the process when there is no memory left. Interrupts on; may sleep.
void program_fault(arch::TrapFrame& frame, std::uint64_t address, FaultResult result,
                   FaultKind kind);

}  // namespace exo
