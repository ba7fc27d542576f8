// Restartable sequences (rseq(2), Linux's include/uapi/linux/rseq.h): a thread tells of a word in
// its memory where the kernel keeps the number of the CPU, and of a critical section that begins
// anew, at its abort handler, where another thread or a handler came in between.
//
// Only what took the CPU away makes work on the way back to the program: the switch marks the
// thread (Thread::was_switched()), and no call or interrupt without one looks here.
#pragma once

#include "kernel/arch/trap_frame.h"
#include "kernel/mm/user_memory.h"

namespace exo::posix {

class Task;

/// A thread's own.
struct RseqArea {
    UserAddr at;  ///< null: none is registered
    std::uint32_t bytes = 0, signature = 0;
};

/// The thread ran elsewhere or others ran: tells it the CPU, and aborts its critical section. What
/// it registered cannot be used: SIGSEGV. On the way to its program; interrupts on, may sleep.
void settle_rseq(Task& task, arch::TrapFrame& frame);

/// Of a thread that has registered, before a handler's frame is made: which returns to the abort
/// handler then, if a critical section was interrupted. False: as above; the signal was sent.
bool abort_rseq_for_handler(Task& task, arch::TrapFrame& frame);

}  // namespace exo::posix
