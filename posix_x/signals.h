// Sending and taking signals (signal(7)). Senders choose a thread and interrupt it; the thread
// takes its signals on its way back to the program (deliver_signals()).
#pragma once

#include "posix_x/process.h"
#include "posix_x/task.h"

namespace exo::posix {

/// kill(2)'s siginfo, from the running process.
[[nodiscard]] abi::SigInfo info_from_user(Signal signal, std::int32_t code);
[[nodiscard]] abi::SigInfo info_from_kernel(Signal signal);

/// To a process, any of its threads, or to one thread. Any context but an interrupt handler's.
/// AGAIN: a real-time signal with information that cannot be queued, over RLIMIT_SIGPENDING or
/// without memory; of others only the number arrives then.
Result<void> queue_signal(Process& process, const abi::SigInfo& info);
Result<void> queue_signal(Task& task, const abi::SigInfo& info);
/// The same for standard signals, which cannot fail.
void send_signal(Process& process, const abi::SigInfo& info);
void send_signal(Task& task, const abi::SigInfo& info);
/// From an interrupt handler: the number alone.
void send_signal_number(Process& process, Signal signal);

/// A timer's record, which is in no queue, to the process or (not 0) to the thread of that number.
/// From an interrupt handler.
void send_timer_signal(Process& process, QueuedSignal& record, std::int32_t thread);
/// Takes a timer's record back if it is still queued.
void withdraw_signal(Process& process, QueuedSignal& record);
[[nodiscard]] bool is_pending(Process& process, const QueuedSignal& record);
/// By the thread that took a signal, without spin locks: the timer it came from goes on, and fills
/// in what it has to say. Sleeps.
void note_taken(abi::SigInfo& info);

/// Counts one more queued signal or timer of the process. False: over RLIMIT_SIGPENDING.
/// LINUX-DIFF: counted by process; on Linux, by user.
enum class Charge : std::uint8_t { kWithinLimit, kAlways };
[[nodiscard]] bool charge_signal(Process& process, Charge how = Charge::kWithinLimit);
void uncharge_signal(Process& process);
/// To all of a group, by the kernel; the caller holds no lock.
void signal_group(Pid group, Signal signal);

/// To the running thread for what it did itself: a handler is run even if it had blocked the signal
/// or the process is ended (force_sig_info of Linux).
void force_signal(const abi::SigInfo& info);

/// Whether this would end or stop whoever sends it in the background (TTIN, TTOU): it is neither
/// ignored nor blocked by the running thread.
[[nodiscard]] bool would_act(Signal signal);

/// Sets the running thread's mask and looks what is pending now.
void set_blocked(std::uint64_t mask);
/// The mask of sigsuspend(2) and ppoll(2): comes into force now; the old one after the handler.
void set_blocked_until_return(std::uint64_t mask);

/// Acts on what is pending: handlers' frames, stops, the end; then restarts or ends an interrupted
/// call. On the way to the program; may not return.
void deliver_signals(arch::TrapFrame& frame);

/// Removes pending signals whose action is to be ignored now. REQUIRES the signal lock.
void discard_ignored(SignalState& state, Signal signal);

/// Ends the process with all its threads, from the running one.
[[noreturn]] void exit_process(WaitStatus status);
/// Ends the running thread, and the process with its last.
[[noreturn]] void exit_task(WaitStatus status);

/// Starts the end of the other threads for execve(2) and waits for it. AGAIN: another thread came
/// first, or the process ends.
Result<void> become_only_thread();

/// Pushes a handler's frame; `frame` then enters it. FAULT: the stack cannot hold it.
Result<void> push_signal_frame(Task& task, arch::TrapFrame& frame, const abi::SigAction& action,
                               const abi::SigInfo& info, std::uint64_t old_mask);
/// rt_sigreturn(2).
Result<void> pop_signal_frame(Task& task, arch::TrapFrame& frame);

/// Tells a parent that its child stopped, continued or ended: SIGCHLD and its waits. The caller
/// holds the table's lock.
void notify_parent(Process& child, std::int32_t code, std::int32_t status);

}  // namespace exo::posix
