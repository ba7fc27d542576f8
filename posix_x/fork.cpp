// clone(2): a copy of the running thread, as a thread of the same process or as a new one. All that
// can fail is done before anyone can see the new one.
#include "posix_x/fork.h"

#include <optional>

#include "abi/linux/capability.h"
#include "lib/base/defer.h"

#include "kernel/arch/clock.h"
#include "kernel/core/scheduler.h"
#include "posix_x/calls/files.h"
#include "posix_x/pid_file.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"
#include "posix_x/terminal.h"

namespace exo::posix {
namespace {

Result<void> check(const CloneRequest& request) {
    constexpr std::uint64_t kUnknown = abi::kCloneNewMask | abi::kCloneNewNs | abi::kClonePtrace;
    const std::uint64_t flags = request.flags;
    if ((flags & kUnknown) != 0) return Errno::INVAL;
    // Linux 6.1's threads have no descriptor of their own.
    if ((flags & abi::kClonePidfd) != 0 && (flags & (abi::kCloneThread | abi::kCloneDetached)) != 0)
        return Errno::INVAL;
    if ((flags & abi::kCloneThread) != 0 && (flags & abi::kCloneSighand) == 0) return Errno::INVAL;
    if ((flags & abi::kCloneSighand) != 0 && (flags & abi::kCloneVm) == 0) return Errno::INVAL;
    // LINUX-DIFF: handlers are shared by threads only; no program is known that asks for more.
    if ((flags & abi::kCloneSighand) != 0 && (flags & abi::kCloneThread) == 0) return Errno::INVAL;
    // Address space, files and places belong to the process here.
    constexpr std::uint64_t kOfThreads = abi::kCloneVm | abi::kCloneFs | abi::kCloneFiles;
    if ((flags & abi::kCloneThread) != 0 && (flags & kOfThreads) != kOfThreads) return Errno::INVAL;
    return {};
}

/// A process that shares or copies what `request` says. Not in the table yet.
Result<Ref<Process>> make_process(Process& parent, const CloneRequest& request, Pid pid) {
    const bool share_places = (request.flags & abi::kCloneFs) != 0;
    auto places = share_places ? Ref<Places>(parent.places()) : TRY(parent.places().copy());
    auto child = TRY(make_ref<Process>(pid, std::move(places), parent.credentials()));
    child->limits.set_all(parent.limits.all());
    const abi::ResourceLimit cpu = parent.limits.get(abi::Limit::kCpu);
    if (cpu.current != abi::kUnlimited) child->limit_alarm.set_limit(cpu.current, cpu.maximum);
    child->oom_score_adjustment.store(parent.oom_score_adjustment.load(std::memory_order_relaxed),
                                      std::memory_order_relaxed);
    child->least_oom_score_adjustment.store(
        parent.least_oom_score_adjustment.load(std::memory_order_relaxed),
        std::memory_order_relaxed);
    child->set_executable(parent.share_executable());
    child->vdso = parent.vdso;
    child->strings = parent.strings;
    child->personality.store(parent.personality.load(std::memory_order_relaxed),
                             std::memory_order_relaxed);
    const Process::Break at = *parent.program_break.lock();
    *child->program_break.lock() = at;
    child->start_ns = arch::now_ns();
    child->kin.exit_signal = request.exit_signal;
    const auto actions = parent.signals.lock()->actions;  // copied: the locks have one rank
    child->signals.lock()->actions = actions;
    if ((request.flags & abi::kCloneClearSighand) != 0) {
        auto state = child->signals.lock();
        for (abi::SigAction& action : state->actions)
            if (action.handler != abi::kSigIgnore) action = {};
    }
    const bool share_files = (request.flags & abi::kCloneFiles) != 0;
    if (share_files) {
        child->handles = parent.handles;
    } else {
        child->handles = TRY(parent.handles->copy());
    }
    if ((request.flags & abi::kCloneVm) != 0) {
        child->space = parent.space;
    } else {
        child->space = TRY(parent.space->fork());
    }
    return child;
}

/// Registers, FPU, mask: as the parent's, but for what `request` says.
void copy_thread(Task& from, Task& to, const CloneRequest& request) {
    to.user_frame() = from.user_frame();
    to.user_frame().rax = 0;
    if (request.stack != 0) to.user_frame().rsp = request.stack;
    arch::copy_fpu_state(from.user_state, to.user_state, this_cpu().fpu);
    to.user_state.fs_base = from.user_state.fs_base;
    to.user_state.gs_base = from.user_state.gs_base;
    if ((request.flags & abi::kCloneSettls) != 0) to.user_state.fs_base = request.tls;
    to.blocked = from.blocked;
    to.io_priority.store(from.io_priority.load(std::memory_order_relaxed),
                         std::memory_order_relaxed);
    inherit_policy(to, from);
    // A child that runs on the same memory must not use the parent's alternate stack
    // (sigaltstack(2)).
    const bool new_stack =
        (request.flags & abi::kCloneVm) != 0 && (request.flags & abi::kCloneVfork) == 0;
    if (!new_stack) to.signal_stack = from.signal_stack;
    // One that runs on the same memory has, or will register, its own (rseq(2)).
    if ((request.flags & abi::kCloneVm) == 0 && !from.rseq.at.is_null()) {
        to.rseq = from.rseq;
        to.mark_switches(true);
    }
    if ((request.flags & abi::kCloneChildCleartid) != 0) to.clear_child_tid = request.child_tid;
    if ((request.flags & abi::kCloneChildSettid) != 0) to.set_child_tid = request.child_tid;
}

Result<Pid> reserve_id() {
    return process_table().lock()->reserve_id();
}

/// May the user of `self` have one more thread? RLIMIT_NPROC, from which CAP_SYS_RESOURCE and
/// CAP_SYS_ADMIN free. Those that were not waited for count. AGAIN.
Result<void> check_limit(ProcessTable& table, Process& self) {
    const auto who = self.credentials();
    if (who->capable(abi::kCapSysResource) || who->capable(abi::kCapSysAdmin)) return {};
    std::uint64_t count = 0;
    for (Process* each = table.first(); each != nullptr; each = table.next(*each))
        if (each->credentials()->uid == who->uid)
            count += std::max<std::uint64_t>(
                1, each->signals.lock()->thread_count.load(std::memory_order_relaxed));
    if (count >= self.limits.soft(abi::Limit::kProcesses)) return Errno::AGAIN;
    return {};
}

/// Lets it be found and signalled. AGAIN: the process is ending, a new thread would be missed; or
/// others came first, and the limit is reached.
Result<void> publish_thread(Task& task) {
    auto table = process_table().lock();
    TRY(check_limit(*table, task.process()));
    auto state = task.process().signals.lock();
    if (state->exiting) return Errno::AGAIN;
    Task** at = &state->first_thread;
    while (*at != nullptr) at = &(*at)->next_thread;
    *at = &task;
    state->thread_count.fetch_add(1, std::memory_order_relaxed);
    table->set_task(task.tid, &task);
    return {};
}

/// The same of a process. AGAIN: the limit is reached.
Result<void> publish_process(Task& task, Process& parent, const CloneRequest& request) {
    Process& child = task.process();
    auto table = process_table().lock();
    TRY(check_limit(*table, parent));
    Process* above = (request.flags & abi::kCloneParent) != 0 && parent.kin.parent != nullptr
                         ? parent.kin.parent
                         : &parent;
    child.kin.terminal = parent.kin.terminal;
    table->add(child, above, parent.kin.group, parent.kin.session);
    table->set_task(task.tid, &task);
    auto state = child.signals.lock();
    state->first_thread = &task;
    state->thread_count.store(1, std::memory_order_relaxed);
    return {};
}

/// CLONE_PIDFD: a descriptor of the child, told to the program but not yet to be used. FAULT;
/// MFILE; NOMEM.
struct ChildDescriptor {
    HandleTable::Reservation number;
    Handle handle;
};
Result<ChildDescriptor> make_descriptor(Task& task, Process& child, UserAddr at) {
    auto number = TRY(task.process().handles->reserve(file_limit(task)));
    Ref<File> file = TRY(PidFile::create(child, FileFlags::kNone));
    const auto told = static_cast<std::int32_t>(number.fd());
    TRY(write_user(at, &told, sizeof told));
    return ChildDescriptor{std::move(number), {std::move(file), Rights::kAll}};
}

/// vfork(2): until the child has its own memory or ends. Only death interrupts the parent.
void wait_for_release(Process& child) {
    static_cast<void>(child.space_released.wait(
        [&] { return child.has_released_space.load(std::memory_order_acquire); }, Deadline::never(),
        Interruptible::kNo));
}

}  // namespace

Result<long> clone_task(Task& task, const CloneRequest& request) {
    TRY(check(request));
    Process& parent = task.process();
    const bool thread = (request.flags & abi::kCloneThread) != 0;
    TRY(check_limit(*process_table().lock(), parent));  // before all the work
    const Pid id = TRY(reserve_id());
    Defer release_id([&] { process_table().lock()->release_id(id); });
    auto process = thread ? Ref<Process>(parent) : TRY(make_process(parent, request, id));
    auto created = TRY(Task::create(process, task.name()));
    created->tid = id;
    copy_thread(task, *created, request);
    std::optional<ChildDescriptor> descriptor;
    if ((request.flags & abi::kClonePidfd) != 0)
        descriptor.emplace(TRY(make_descriptor(task, *process, request.pidfd)));
    // A place that cannot be written is no error on Linux either.
    if ((request.flags & abi::kCloneParentSettid) != 0)
        static_cast<void>(write_user(request.parent_tid, &id, sizeof id));
    if (thread) {
        TRY(publish_thread(*created));
    } else {
        TRY(publish_process(*created, parent, request));
    }
    release_id.disarm();
    if (descriptor) descriptor->number.commit(std::move(descriptor->handle), CloseOnExec::kYes);
    start_thread(*created);
    if ((request.flags & abi::kCloneVfork) != 0 && !thread) wait_for_release(*process);
    return id;
}

}  // namespace exo::posix
