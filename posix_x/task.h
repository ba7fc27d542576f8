// A thread of a program. In the kernel it is found by this_task(); what signals look at is guarded
// by its process's signal lock, the rest belongs to the thread itself.
#pragma once

#include "abi/linux/signal.h"
#include "kernel/arch/entry.h"
#include "kernel/core/thread.h"
#include "kernel/mm/user_memory.h"
#include "posix_x/pending_signals.h"
#include "posix_x/pi_task.h"
#include "posix_x/process.h"
#include "posix_x/rseq.h"

namespace exo::posix {

/// How restart_syscall(2) goes on with a call that a signal without handler interrupted.
struct RestartBlock {
    Result<long> (*resume)(Task& task) = nullptr;
    std::uint64_t words[6] = {};
};

class Task final : public Thread {
  public:
    /// A thread that begins by entering its program with `user_frame()`, once it is started. NOMEM.
    static Result<Ref<Task>> create(Ref<Process> process, std::string_view name);

    Process& process() const { return *process_; }
    /// execve(2) by a thread that is not the first takes over the process's id.
    Pid tid = 0;

    PiTask pi{*this};

    /// As ioprio_set(2) set it. There is no I/O scheduler yet that would ask.
    Atomic<std::uint16_t> io_priority{0};

    // Guarded by the signal lock.
    std::uint64_t blocked = 0;
    std::uint64_t awaited = 0;  ///< signals that sigtimedwait(2) waits for, though blocked
    PendingSignals pending;
    Task* next_thread = nullptr;

    /// Run by the new thread itself, in the kernel, before it enters its program; nullptr: nothing.
    void (*before_program)(Task& task) = nullptr;

    // The thread's own.
    bool restore_mask = false;  ///< saved_mask comes back after the next handler's frame is made
    std::uint64_t saved_mask = 0;
    abi::StackT signal_stack = {0, abi::kSsDisable, 0, 0};
    RestartBlock restart;
    /// A system call came back with a restart code in rax; 0: none did.
    Errno restart_code{};
    RseqArea rseq;
    UserAddr clear_child_tid, set_child_tid, robust_list;
    std::uint64_t fault_address = 0;  ///< CR2 for the next signal frame

    // Of the last trap, for signal frames (sigcontext's trapno and err).
    std::uint64_t trap_number = 0, trap_error = 0;

  private:
    Task(Ref<Process> process, std::string_view name)
        : Thread(name), process_(std::move(process)) {}
    ~Task() override;
    static void begin(void* argument);

    Ref<Process> process_;
};

/// The running thread, which has a program.
[[nodiscard]] inline Task& this_task() {
    return static_cast<Task&>(this_thread());
}

}  // namespace exo::posix
