// Between the kernel and programs.
#pragma once

#include "kernel/arch/address.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/trap_frame.h"

namespace exo::arch {

/// Goes to the program with these registers, for good; `frame` is on this thread's kernel stack.
/// The segments must be the program's (set_user_segments()). Interrupts are off.
[[noreturn]] void enter_user(TrapFrame& frame);

/// Gives `frame` the selectors of a program and flags it may have: sanitises what came from one.
void set_user_segments(TrapFrame& frame);

/// The stack on which the CPU with these tables enters the kernel from a trap of its program.
void set_trap_stack(CpuTables& tables, VirtAddr top);

/// Makes SYSCALL enter the kernel on this CPU.
void init_system_calls();

}  // namespace exo::arch
