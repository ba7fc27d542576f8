// A thread takes its signals, on its way back to its program.
#include "abi/syscall_numbers.h"
#include "kernel/core/scheduler.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

enum class What : std::uint8_t { kNothing, kExit, kStopped, kTerminate, kStop, kHandler };

struct Taken {
    What what = What::kNothing;
    Signal signal = Signal::kNone;
    abi::SigInfo info = {};
    abi::SigAction action = {};
    WaitStatus exit_status;
};

bool is_default_stop(Signal signal) {
    return (kStopSignals & signal_bit(signal)) != 0;
}

bool is_ignored_by_default(Signal signal) {
    return signal == Signal::kChld || signal == Signal::kUrg || signal == Signal::kWinch ||
           signal == Signal::kCont;
}

/// What a signal that was taken asks for; kNothing: it is ignored.
What consequence(const Process& process, const abi::SigAction& action, Signal signal) {
    if (action.handler == abi::kSigIgnore) return What::kNothing;
    if (action.handler != abi::kSigDefault) return What::kHandler;
    if (is_ignored_by_default(signal)) return What::kNothing;
    // A fault of the first process ends it all the same: it cannot go on.
    if (process.pid == 1 && (kSynchronous & signal_bit(signal)) == 0) return What::kNothing;
    return is_default_stop(signal) ? What::kStop : What::kTerminate;
}

/// The next thing to do. The interruption is cleared under the lock: what is sent later interrupts
/// again.
Taken take_next(Task& task) {
    Process& process = task.process();
    auto state = process.signals.lock();
    task.clear_interrupted();
    release_all(state->dropped);
    for (;;) {
        Taken taken;
        if (state->exiting && state->exec_by != &task) {
            taken.what = What::kExit;
            taken.exit_status = state->exit_status;
            return taken;
        }
        if (state->stopped) {
            taken.what = What::kStopped;
            return taken;
        }
        // SIGKILL before all else: what a fault raised may be its consequence, as where memory that
        // is given back for it is touched once more on the way to the program.
        constexpr std::uint64_t kEnd = signal_bit(Signal::kKill);
        const bool ends = ((task.pending.set() | state->pending.set()) & kEnd) != 0;
        const std::uint64_t allowed = ends ? kEnd : ~task.blocked;
        taken.signal = task.pending.take(allowed, taken.info);
        if (taken.signal == Signal::kNone) taken.signal = state->pending.take(allowed, taken.info);
        if (taken.signal == Signal::kNone) return taken;
        abi::SigAction& action = state->action(taken.signal);
        taken.action = action;
        taken.what = consequence(process, action, taken.signal);
        if (taken.what == What::kNothing) continue;
        if (taken.what == What::kStop) state->stop_begun = true;
        if (taken.what == What::kHandler && (action.flags & abi::kSaResetHand) != 0)
            action.handler = abi::kSigDefault;
        return taken;
    }
}

/// Stops the process by `signal`, unless it is too late. SIGSTOP always; the terminal's signals do
/// not stop an orphaned group, which nobody could continue (POSIX 2.4.3).
void stop_process(Process& process, Signal signal) {
    auto table = process_table().lock();
    if (signal != Signal::kStop && table->group_is_orphaned(process.kin.group)) return;
    {
        auto state = process.signals.lock();
        if (state->exiting || !std::exchange(state->stop_begun, false)) return;
        state->stopped = true;
        for (Task* each = state->first_thread; each != nullptr; each = each->next_thread)
            interrupt(*each);
    }
    process.kin.stopped_by = signal;
    process.kin.tell_stopped = true;
    process.kin.tell_continued = false;
    notify_parent(process, abi::kCldStopped, static_cast<std::int32_t>(signal));
}

/// Waits until the stop ends. The thread that comes first tells the parent; one that has begun a
/// stop always comes here, since the stop may have ended before another sees it.
void stay_stopped(Process& process) {
    // Cannot fail: neither a deadline nor an interruption ends it.
    static_cast<void>(process.state_changes.wait(
        [&] {
            auto state = process.signals.lock();
            return !state->stopped || state->exiting;
        },
        Deadline::never(), Interruptible::kNo));
    auto table = process_table().lock();
    {
        auto state = process.signals.lock();
        if (state->exiting || (state->pending.set() & signal_bit(Signal::kKill)) != 0) return;
        if (state->stopped) return;  // again, by another thread: that stop ends here later
    }
    if (process.kin.stopped_by == Signal::kNone) return;
    process.kin.stopped_by = Signal::kNone;
    process.kin.tell_stopped = false;
    process.kin.tell_continued = true;
    notify_parent(process, abi::kCldContinued, static_cast<std::int32_t>(Signal::kCont));
}

/// The instruction again that entered the kernel, with what its registers held.
void repeat_call(arch::TrapFrame& frame, std::uint64_t number) {
    constexpr std::uint64_t kSyscallBytes = 2;
    frame.rax = number;
    frame.rip -= kSyscallBytes;
}

/// An interrupted call before a handler: EINTR, or again after it (signal(7)).
void settle_call_for_handler(Task& task, arch::TrapFrame& frame, const abi::SigAction& action) {
    const Errno code = std::exchange(task.restart_code, Errno{});
    if (code == Errno{}) return;
    const bool again = code == Errno::RESTARTNOINTR ||
                       (code == Errno::RESTARTSYS && (action.flags & abi::kSaRestart) != 0);
    if (again) {
        repeat_call(frame, frame.orig_rax);
    } else {
        frame.rax = static_cast<std::uint64_t>(-static_cast<std::int64_t>(Errno::INTR));
    }
}

/// An interrupted call that no handler interrupts after all.
void settle_call(Task& task, arch::TrapFrame& frame) {
    const Errno code = std::exchange(task.restart_code, Errno{});
    if (code == Errno{}) return;
    const bool block = code == Errno::RESTART_RESTARTBLOCK;
    repeat_call(frame, block ? abi::kRestartSyscall : frame.orig_rax);
}

void run_handler(Task& task, arch::TrapFrame& frame, const Taken& taken) {
    EXO_CHECK(taken.signal != Signal::kNone, "a handler for no signal");
    settle_call_for_handler(task, frame, taken.action);
    if (!task.rseq.at.is_null() && !abort_rseq_for_handler(task, frame)) return;
    const std::uint64_t old_mask =
        std::exchange(task.restore_mask, false) ? task.saved_mask : task.blocked;
    if (!push_signal_frame(task, frame, taken.action, taken.info, old_mask)) {
        // No stack for a handler: SIGSEGV, and if that is the signal in question, the end.
        if (taken.signal == Signal::kSegv) exit_process(WaitStatus::killed(Signal::kSegv));
        force_signal(info_from_kernel(Signal::kSegv));
        return;
    }
    std::uint64_t mask = task.blocked | taken.action.mask;
    if ((taken.action.flags & abi::kSaNoDefer) == 0) mask |= signal_bit(taken.signal);
    set_blocked(mask);
}

}  // namespace

void deliver_signals(arch::TrapFrame& frame) {
    Task& task = this_task();
    for (;;) {
        Taken taken = take_next(task);
        if (taken.signal != Signal::kNone) note_taken(taken.info);
        switch (taken.what) {
            case What::kNothing:
                settle_call(task, frame);
                if (std::exchange(task.restore_mask, false)) set_blocked(task.saved_mask);
                return;
            case What::kExit:
                exit_task(taken.exit_status);
            case What::kTerminate:
                exit_process(WaitStatus::killed(taken.signal));
            case What::kStop:
                stop_process(task.process(), taken.signal);
                stay_stopped(task.process());
                break;
            case What::kStopped:
                stay_stopped(task.process());
                break;
            case What::kHandler:
                run_handler(task, frame, taken);
                break;
        }
    }
}

}  // namespace exo::posix
