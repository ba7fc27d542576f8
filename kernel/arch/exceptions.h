// Faults of the kernel that were expected: the instructions that touch a program's memory.
#pragma once

#include "kernel/arch/trap_frame.h"

namespace exo::arch {

/// Whether the instruction that faulted is one of those.
[[nodiscard]] bool expects_fault(const TrapFrame& frame);

/// Whether its fault may be resolved, which may sleep and run other threads meanwhile.
[[nodiscard]] bool may_resolve_fault(const TrapFrame& frame);

/// If the instruction that faulted may, makes `frame` go on where it says. False: it may not.
[[nodiscard]] bool fixup_exception(TrapFrame& frame);

}  // namespace exo::arch
