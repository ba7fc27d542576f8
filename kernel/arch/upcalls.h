// The few calls that the machine makes upward (style: arch-behind-header): declared here, defined
// above. All but system_call() are made with interrupts off.
#pragma once

#include <cstdint>

#include "abi/syscall_numbers.h"
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

/// A system call: number in orig_rax, arguments and result as Linux has them. Interrupts on. Takes
/// and returns the TSC as it begins and ends.
std::uint64_t system_call(TrapFrame& frame, std::uint64_t begin);

/// A call that needs no frame, with its first three arguments; the result as Linux has it. Runs
/// with interrupts off on the thread's stack, takes no lock, sleeps never, touches no program's
/// memory and changes nothing that return_to_user() looks at. Saves itself the registers that it
/// uses.
using FastCall = __attribute__((preserve_most)) long (*)(std::uint64_t, std::uint64_t,
                                                         std::uint64_t);
extern "C" const FastCall fast_calls[abi::kSyscallNumbers];  ///< by number; nullptr: needs a frame

/// The first thing when a program has entered the kernel, but for fast calls. The TSC then.
std::uint64_t left_program();

/// The last thing before a program goes on. `now` is the TSC. Returns with interrupts off.
void return_to_user(TrapFrame& frame, std::uint64_t now);

}  // namespace exo::arch::upcall
