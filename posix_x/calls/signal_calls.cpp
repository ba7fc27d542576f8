// sigaction(2), sigprocmask(2), kill(2) and their kin.
#include "abi/linux/capability.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/calls/waits.h"
#include "posix_x/pid_file.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/procfs.h"
#include "posix_x/signals.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t kSetBytes = 8;

/// kill(2), "permissions": the same user, or CAP_KILL, or SIGCONT within the session.
bool may_signal(const Process& self, const Credentials& who, Process& target, Signal signal) {
    if (who.capable(abi::kCapKill)) return true;
    const auto other = target.credentials();
    for (const Uid uid : {who.uid, who.effective_uid})
        if (uid == other->uid || uid == other->saved_uid) return true;
    return signal == Signal::kCont && self.kin.session == target.kin.session;
}

/// To one process; signal 0 only asks. The table is locked.
Result<void> kill_one(Process& self, Process& target, Signal signal, const abi::SigInfo& info) {
    if (!may_signal(self, *self.credentials(), target, signal)) return Errno::PERM;
    if (signal != Signal::kNone) TRY(queue_signal(target, info));
    return {};
}

/// To all that `matches`; an error only if none could be reached.
template <typename Matches>
Result<long> kill_all(Process& self, Signal signal, const abi::SigInfo& info, Matches matches) {
    auto table = process_table().lock();
    Result<long> result = Errno::SRCH;
    for (Process* each = table->first(); each != nullptr; each = table->next(*each)) {
        if (!matches(*each)) continue;
        const Result<void> sent = kill_one(self, *each, signal, info);
        if (sent) {
            result = 0L;
        } else if (!result.has_value()) {
            result = sent.error();
        }
    }
    return result;
}

Result<Signal> signal_of(std::int32_t number) {
    if (number != 0 && !is_valid_signal(number)) return Errno::INVAL;
    return static_cast<Signal>(number);
}

abi::SigInfo thread_info(std::int32_t number) {
    return info_from_user(static_cast<Signal>(number), abi::kSiTkill);
}

Result<long> kill_thread(Task& task, Pid group, Pid tid, std::int32_t number,
                         const abi::SigInfo& info) {
    const Signal signal = TRY(signal_of(number));
    auto table = process_table().lock();
    Task* target = table->find_task(tid);
    if (target == nullptr || (group > 0 && target->process().pid != group)) return Errno::SRCH;
    if (!may_signal(task.process(), *task.process().credentials(), target->process(), signal))
        return Errno::PERM;
    if (signal != Signal::kNone) TRY(queue_signal(*target, info));
    return 0;
}

/// By a pidfd or, as before those were there, by its directory of /proc. BADF.
Result<Ref<Process>> process_named_by(Task& task, Fd fd) {
    const auto file = TRY(file_of(task, fd));
    if (const RefPtr<Process> process = process_of_directory(*file)) return process.to_ref();
    return Ref<Process>(TRY(pid_file_of(task, fd))->process());
}

}  // namespace

Result<long> sys_rt_sigaction(Task& task, std::int32_t number, UserIn<abi::SigAction> in,
                              UserOut<abi::SigAction> out, std::uint64_t set_bytes) {
    if (set_bytes != kSetBytes || !is_valid_signal(number)) return Errno::INVAL;
    const auto signal = static_cast<Signal>(number);
    abi::SigAction next = {};
    if (!in.is_null()) {
        next = TRY(in.read());
        if ((kUnblockable & signal_bit(signal)) != 0) return Errno::INVAL;
        next.mask &= ~kUnblockable;
    }
    abi::SigAction before;
    {
        auto state = task.process().signals.lock();
        before = state->action(signal);
        if (!in.is_null()) {
            state->action(signal) = next;
            discard_ignored(*state, signal);
        }
    }
    if (before.handler == abi::kSigIgnore || before.handler == abi::kSigDefault)
        task.process().timers.resume(signal);
    if (!out.is_null()) TRY(out.write(before));
    return 0;
}

Result<long> sys_rt_sigprocmask(Task& task, std::uint32_t how, UserIn<std::uint64_t> in,
                                UserOut<std::uint64_t> out, std::uint64_t set_bytes) {
    constexpr std::uint32_t kBlock = 0, kUnblock = 1, kSet = 2;
    if (set_bytes != kSetBytes) return Errno::INVAL;
    const std::uint64_t before = task.blocked;
    if (!in.is_null()) {
        const std::uint64_t set = TRY(in.read());
        if (how > kSet) return Errno::INVAL;
        set_blocked(how == kBlock ? before | set : how == kUnblock ? before & ~set : set);
    }
    if (!out.is_null()) TRY(out.write(before));
    return 0;
}

Result<long> sys_rt_sigpending(Task& task, UserOut<std::uint64_t> out, std::uint64_t set_bytes) {
    if (set_bytes > kSetBytes) return Errno::INVAL;
    std::uint64_t set;
    {
        auto state = task.process().signals.lock();
        set = (task.pending.set() | state->pending.set()) & task.blocked;
    }
    TRY(write_user(out.at, &set, set_bytes));
    return 0;
}

namespace {
/// Sleeps until a signal comes; never returns normally.
Result<long> sleep_for_signal() {
    WaitQueue nothing;
    TRY(nothing.wait([] { return false; }));
    return 0;
}
}  // namespace

Result<long> sys_pause(Task&) {
    const Result<long> slept = sleep_for_signal();
    return slept.has_value() ? Errno::INTR : Errno::RESTARTNOHAND;
}

Result<long> sys_rt_sigsuspend(Task&, UserIn<std::uint64_t> mask, std::uint64_t set_bytes) {
    if (set_bytes != kSetBytes) return Errno::INVAL;
    const std::uint64_t wanted = TRY(mask.read());
    set_blocked_until_return(wanted);
    static_cast<void>(sleep_for_signal());
    return Errno::RESTARTNOHAND;
}

Result<long> sys_rt_sigreturn(Task& task) {
    arch::TrapFrame& frame = task.user_frame();
    if (!pop_signal_frame(task, frame)) force_signal(info_from_kernel(Signal::kSegv));
    return static_cast<long>(frame.rax);
}

Result<long> sys_sigaltstack(Task& task, UserIn<abi::StackT> in, UserOut<abi::StackT> out) {
    const abi::StackT before = task.signal_stack;
    const std::uint64_t rsp = task.user_frame().rsp;
    const bool active = (before.flags & abi::kSsDisable) == 0 && rsp > before.pointer &&
                        rsp - before.pointer <= before.bytes;
    if (!in.is_null()) {
        abi::StackT next = TRY(in.read());
        if (active && (before.flags & abi::kSsAutoDisarm) == 0) return Errno::PERM;
        const std::int32_t mode = next.flags & ~abi::kSsAutoDisarm;
        if (mode != 0 && mode != abi::kSsOnStack && mode != abi::kSsDisable) return Errno::INVAL;
        if (mode == abi::kSsDisable) {
            next = {0, abi::kSsDisable, 0, 0};
        } else if (next.bytes < abi::kMinSigStack) {
            return Errno::NOMEM;
        }
        next.flags &= ~abi::kSsOnStack;
        next.padding = 0;
        task.signal_stack = next;
    }
    if (out.is_null()) return 0;
    abi::StackT told = before;
    if (active) told.flags |= abi::kSsOnStack;
    TRY(out.write(told));
    return 0;
}

Result<long> sys_kill(Task& task, Pid pid, std::int32_t number) {
    const Signal signal = TRY(signal_of(number));
    const abi::SigInfo info = info_from_user(signal, abi::kSiUser);
    Process& self = task.process();
    if (pid > 0) {
        auto table = process_table().lock();
        Process* target = table->find(pid);
        if (target == nullptr) return Errno::SRCH;
        TRY(kill_one(self, *target, signal, info));
        return 0;
    }
    if (pid == INT32_MIN) return Errno::SRCH;
    if (pid == -1) {
        const auto sent = kill_all(self, signal, info, [&](const Process& each) {
            return each.pid != 1 && &each != &self;
        });
        // As Linux: that there is somebody is enough.
        return !sent && sent.error() == Errno::PERM ? 0 : sent;
    }
    return kill_all(self, signal, info, [&](const Process& each) {
        return each.kin.group == (pid == 0 ? self.kin.group : -pid);
    });
}

Result<long> sys_tkill(Task& task, Pid tid, std::int32_t number) {
    if (tid <= 0) return Errno::INVAL;
    return kill_thread(task, -1, tid, number, thread_info(number));
}

Result<long> sys_tgkill(Task& task, Pid group, Pid tid, std::int32_t number) {
    if (group <= 0 || tid <= 0) return Errno::INVAL;
    return kill_thread(task, group, tid, number, thread_info(number));
}

Result<long> sys_rt_sigqueueinfo(Task& task, Pid pid, std::int32_t number, UserAddr in) {
    abi::SigInfo info;
    TRY(read_user(&info, in, sizeof info));
    const Signal signal = TRY(signal_of(number));
    info.signo = number;
    // Only the kernel and kill(2) may speak with codes from 0 up (rt_sigqueueinfo(2)).
    if ((info.code >= 0 || info.code == abi::kSiTkill) && pid != task.process().pid)
        return Errno::PERM;
    auto table = process_table().lock();
    Process* target = table->find(pid);
    if (target == nullptr) return Errno::SRCH;
    TRY(kill_one(task.process(), *target, signal, info));
    return 0;
}

Result<long> sys_pidfd_send_signal(Task& task, Fd pidfd, std::int32_t number, UserAddr in,
                                   Flags flags) {
    if (!flags.only(0)) return Errno::INVAL;
    const Ref<Process> of = TRY(process_named_by(task, pidfd));
    const Signal signal = TRY(signal_of(number));
    abi::SigInfo info = info_from_user(signal, abi::kSiUser);
    Process& target = *of;
    if (!in.is_null()) {
        TRY(read_user(&info, in, sizeof info));
        if (info.signo != number) return Errno::INVAL;
        if ((info.code >= 0 || info.code == abi::kSiTkill) && &target != &task.process())
            return Errno::PERM;
    }
    auto table = process_table().lock();
    if (table->find(target.pid) != &target) return Errno::SRCH;  // it was waited for
    TRY(kill_one(task.process(), target, signal, info));
    return 0;
}

Result<long> sys_rt_tgsigqueueinfo(Task& task, Pid group, Pid tid, std::int32_t number,
                                   UserAddr in) {
    abi::SigInfo info;
    TRY(read_user(&info, in, sizeof info));
    if (tid <= 0 || group <= 0) return Errno::INVAL;
    info.signo = number;
    if ((info.code >= 0 || info.code == abi::kSiTkill) && tid != task.tid) return Errno::PERM;
    return kill_thread(task, group, tid, number, info);
}

Result<long> sys_rt_sigtimedwait(Task& task, UserIn<std::uint64_t> in, UserAddr out,
                                 UserIn<abi::Timespec> timeout, std::uint64_t set_bytes) {
    if (set_bytes != kSetBytes) return Errno::INVAL;
    const std::uint64_t wanted = TRY(in.read()) & ~kUnblockable;
    const Deadline deadline = TRY(deadline_of(timeout));
    Process& process = task.process();
    abi::SigInfo info = {};
    Signal taken = Signal::kNone;
    const auto take = [&] {
        auto state = process.signals.lock();
        taken = task.pending.take(wanted, info);
        if (taken == Signal::kNone) taken = state->pending.take(wanted, info);
        // The signals waited for interrupt although they are blocked; others do as always.
        task.awaited = taken == Signal::kNone ? wanted : 0;
        if (taken != Signal::kNone) task.clear_interrupted();
        return taken != Signal::kNone;
    };
    WaitQueue nothing;
    const Result<void> waited = nothing.wait(take, deadline);
    if (taken == Signal::kNone) take();
    {
        auto state = process.signals.lock();
        task.awaited = 0;
        if (((task.pending.set() | state->pending.set()) & ~task.blocked) != 0) interrupt(task);
    }
    if (taken == Signal::kNone)
        return waited.error() == Errno::TIMEDOUT ? Errno::AGAIN : Errno::INTR;
    note_taken(info);
    if (!out.is_null()) TRY(write_user(out, &info, sizeof info));
    return static_cast<long>(taken);
}

}  // namespace exo::posix
