#include "posix_x/signals.h"

#include "kernel/core/scheduler.h"
#include "posix_x/process_table.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

enum class Default : std::uint8_t { kTerminate, kCore, kIgnore, kStop, kContinue };

Default default_action(Signal signal) {
    switch (signal) {
        case Signal::kChld:
        case Signal::kUrg:
        case Signal::kWinch:
            return Default::kIgnore;
        case Signal::kCont:
            return Default::kContinue;
        case Signal::kStop:
        case Signal::kTstp:
        case Signal::kTtin:
        case Signal::kTtou:
            return Default::kStop;
        case Signal::kQuit:
        case Signal::kIll:
        case Signal::kTrap:
        case Signal::kAbrt:
        case Signal::kBus:
        case Signal::kFpe:
        case Signal::kSegv:
        case Signal::kXcpu:
        case Signal::kXfsz:
        case Signal::kSys:
            return Default::kCore;
        default:
            return Default::kTerminate;
    }
}

bool is_ignored(SignalState& state, Signal signal) {
    const std::uint64_t handler = state.action(signal).handler;
    if (handler == abi::kSigIgnore) return true;
    return handler == abi::kSigDefault && default_action(signal) == Default::kIgnore;
}

/// The first process dies of nothing that it does not handle (signal(7), "init").
bool is_protected(const Process& process, SignalState& state, Signal signal) {
    return process.pid == 1 && state.action(signal).handler == abi::kSigDefault;
}

bool takes(const Task& task, Signal signal) {
    return (task.blocked & signal_bit(signal)) == 0 || (task.awaited & signal_bit(signal)) != 0;
}

/// SIGCONT and SIGKILL end a stop when they are sent, whatever becomes of them (signal(7)).
/// True: it was stopped.
bool apply_job_control(SignalState& state, Signal signal) {
    const auto discard = [&](std::uint64_t set) {
        state.pending.discard(set, state.dropped);
        for (Task* each = state.first_thread; each != nullptr; each = each->next_thread)
            each->pending.discard(set, state.dropped);
    };
    if ((kStopSignals & signal_bit(signal)) != 0) discard(signal_bit(Signal::kCont));
    if (signal == Signal::kCont) discard(kStopSignals);
    if (signal != Signal::kCont && signal != Signal::kKill) return false;
    state.stop_begun = false;
    return std::exchange(state.stopped, false);
}

/// Puts it where it belongs and interrupts a thread that takes it. True: a stop ended. The signal
/// lock is held.
bool post_locked(Process& process, SignalState& state, Task* only, Signal signal,
                 QueuedSignal* record) {
    const bool continued = apply_job_control(state, signal);
    bool blocked = only != nullptr && !takes(*only, signal);
    if (only == nullptr) {
        blocked = true;
        for (Task* each = state.first_thread; each != nullptr; each = each->next_thread)
            blocked = blocked && !takes(*each, signal);
    }
    // A blocked signal stays, since a handler may be set before it is unblocked.
    const bool dropped =
        state.thread_count.load(std::memory_order_relaxed) == 0 || state.exiting ||
        (!blocked && (is_ignored(state, signal) || is_protected(process, state, signal)));
    if (dropped) {
        release(record);
        return continued;
    }
    (only != nullptr ? only->pending : state.pending).add(signal, record);
    if (process.signal_arrived.maybe_waiters()) process.signal_arrived.wake_all();
    if (only != nullptr) {
        if (!blocked) interrupt(*only);
        return continued;
    }
    for (Task* each = state.first_thread; each != nullptr; each = each->next_thread) {
        if (!takes(*each, signal)) continue;
        interrupt(*each);
        break;
    }
    return continued;
}

void post(Process& process, Task* only, Signal signal, QueuedSignal* record) {
    bool continued;
    {
        auto state = process.signals.lock();
        continued = post_locked(process, *state, only, signal, record);
    }
    if (continued) process.state_changes.wake_all();
}

/// kill(2) and the kernel may queue standard signals beyond the limit: each is pending once.
bool ignores_limit(const abi::SigInfo& info) {
    return !is_real_time(static_cast<Signal>(info.signo)) && info.code >= 0;
}

/// nullptr: no memory, or over RLIMIT_SIGPENDING.
QueuedSignal* make_record(Process& process, const abi::SigInfo& info) {
    if (!charge_signal(process, ignores_limit(info) ? Charge::kAlways : Charge::kWithinLimit))
        return nullptr;
    auto* record = new (std::nothrow) QueuedSignal;
    if (record == nullptr) {
        uncharge_signal(process);
        return nullptr;
    }
    record->info = info;
    record->charged_to = &process.queued_signals;
    return record;
}

/// What came with a real-time signal must not be lost unnoticed, but for kill(2), which has
/// nothing to tell.
Result<void> send(Process& process, Task* only, const abi::SigInfo& info) {
    const auto signal = static_cast<Signal>(info.signo);
    QueuedSignal* const record = make_record(process, info);
    if (record == nullptr && is_real_time(signal) && info.code != abi::kSiUser) return Errno::AGAIN;
    post(process, only, signal, record);
    return {};
}

}  // namespace

abi::SigInfo info_from_user(Signal signal, std::int32_t code) {
    abi::SigInfo info = {};
    Process& self = this_task().process();
    info.signo = static_cast<std::int32_t>(signal);
    info.code = code;
    info.sender.pid = self.pid;
    info.sender.uid = self.identity.uid.load(std::memory_order_relaxed);
    return info;
}

abi::SigInfo info_from_kernel(Signal signal) {
    abi::SigInfo info = {};
    info.signo = static_cast<std::int32_t>(signal);
    info.code = abi::kSiKernel;
    return info;
}

bool charge_signal(Process& process, Charge how) {
    const std::uint64_t limit = process.limits.soft(abi::Limit::kPendingSignals);
    // relaxed: a count, which orders nothing.
    const std::uint32_t before = process.queued_signals.fetch_add(1, std::memory_order_relaxed);
    if (how == Charge::kAlways || before < limit) return true;
    uncharge_signal(process);
    return false;
}

void uncharge_signal(Process& process) {
    process.queued_signals.fetch_sub(1, std::memory_order_relaxed);
}

Result<void> queue_signal(Process& process, const abi::SigInfo& info) {
    return send(process, nullptr, info);
}

Result<void> queue_signal(Task& task, const abi::SigInfo& info) {
    return send(task.process(), &task, info);
}

void send_signal(Process& process, const abi::SigInfo& info) {
    static_cast<void>(send(process, nullptr, info));
}

void send_signal(Task& task, const abi::SigInfo& info) {
    static_cast<void>(send(task.process(), &task, info));
}

void send_signal_number(Process& process, Signal signal) {
    post(process, nullptr, signal, nullptr);
}

void send_timer_signal(Process& process, QueuedSignal& record, std::int32_t thread) {
    bool continued;
    {
        auto state = process.signals.lock();
        Task* only = thread == 0 ? nullptr : state->first_thread;
        // By number: the thread may be gone, and its object with it.
        while (only != nullptr && only->tid != thread) only = only->next_thread;
        if (thread != 0 && only == nullptr) return;
        continued =
            post_locked(process, *state, only, static_cast<Signal>(record.info.signo), &record);
    }
    if (continued) process.state_changes.wake_all();
}

void withdraw_signal(Process& process, QueuedSignal& record) {
    auto state = process.signals.lock();
    if (!record.link.linked()) return;
    if (state->pending.has(record)) return state->pending.withdraw(record);
    for (Task* each = state->first_thread; each != nullptr; each = each->next_thread)
        if (each->pending.has(record)) return each->pending.withdraw(record);
}

bool is_pending(Process& process, const QueuedSignal& record) {
    auto state = process.signals.lock();
    return record.link.linked();
}

void note_taken(abi::SigInfo& info) {
    Process& process = this_task().process();
    if (info.code == abi::kSiTimer) process.timers.taken(info);
    if (info.signo == static_cast<std::int32_t>(Signal::kAlrm)) process.alarm.taken();
}

void signal_group(Pid group, Signal signal) {
    auto table = process_table().lock();
    for (Process* each = table->first(); each != nullptr; each = table->next(*each))
        if (each->kin.group == group && !each->kin.zombie) send_signal_number(*each, signal);
}

void force_signal(const abi::SigInfo& info) {
    Task& task = this_task();
    const auto signal = static_cast<Signal>(info.signo);
    QueuedSignal* const record = make_record(task.process(), info);
    auto state = task.process().signals.lock();
    abi::SigAction& action = state->action(signal);
    if ((task.blocked & signal_bit(signal)) != 0 || action.handler == abi::kSigIgnore) {
        action.handler = abi::kSigDefault;
        task.blocked &= ~signal_bit(signal);
    }
    task.pending.add(signal, record);
    interrupt(task);
}

bool would_act(Signal signal) {
    Task& task = this_task();
    auto state = task.process().signals.lock();
    return (task.blocked & signal_bit(signal)) == 0 &&
           state->action(signal).handler != abi::kSigIgnore;
}

void set_blocked(std::uint64_t mask) {
    Task& task = this_task();
    auto state = task.process().signals.lock();
    task.blocked = mask & ~kUnblockable;
    if (((task.pending.set() | state->pending.set()) & ~task.blocked) != 0) interrupt(task);
}

void set_blocked_until_return(std::uint64_t mask) {
    Task& task = this_task();
    task.saved_mask = task.blocked;
    task.restore_mask = true;
    set_blocked(mask);
}

void discard_ignored(SignalState& state, Signal signal) {
    if (!is_ignored(state, signal)) return;
    state.pending.discard(signal_bit(signal), state.dropped);
    for (Task* each = state.first_thread; each != nullptr; each = each->next_thread)
        each->pending.discard(signal_bit(signal), state.dropped);
    release_all(state.dropped);
}

void notify_parent(Process& child, std::int32_t code, std::int32_t status) {
    Process* parent = child.kin.parent;
    if (parent == nullptr) return;
    abi::SigInfo info = {};
    info.signo = static_cast<std::int32_t>(child.kin.exit_signal);
    info.code = code;
    info.child.pid = child.pid;
    info.child.uid = child.identity.uid.load(std::memory_order_relaxed);
    info.child.status = status;
    // Of a child that goes on, time is told by those threads that have ended.
    info.child.user_ticks = to_ticks(child.kin.used.own.program_ns);
    info.child.system_ticks = to_ticks(child.kin.used.own.kernel_ns);
    const bool stop = code == abi::kCldStopped || code == abi::kCldContinued;
    const bool wanted =
        !stop || (parent->signals.lock()->action(Signal::kChld).flags & abi::kSaNoChildStop) == 0;
    if (stop) info.signo = static_cast<std::int32_t>(Signal::kChld);
    if (wanted && info.signo != 0) send_signal(*parent, info);
    parent->child_events.wake_all();
}

}  // namespace exo::posix
