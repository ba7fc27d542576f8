// The end of threads and processes: what is given back in which order, and who is told
// (exit_group(2), wait(2)).
#include "kernel/core/log.h"
#include "kernel/core/scheduler.h"
#include "posix_x/futex.h"
#include "posix_x/pi_futex.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"
#include "posix_x/start.h"
#include "posix_x/terminal.h"

namespace exo::posix {
namespace {

/// Takes the running thread off its process's list. True: it was the last.
bool leave_process(Task& task, SignalState& state) {
    Task** at = &state.first_thread;
    while (*at != &task) at = &(*at)->next_thread;
    *at = task.next_thread;
    task.next_thread = nullptr;
    // Timers' records must not stay behind in a thread that its process does not know any more.
    task.pending.discard(~std::uint64_t{0}, state.dropped);
    release_all(state.dropped);
    return state.thread_count.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

/// The nearest ancestor that asked for it (PR_SET_CHILD_SUBREAPER), or the first process.
Process& adopter_of_children(ProcessTable& table, Process& process) {
    Process* ancestor = process.kin.parent;
    while (ancestor != nullptr && !ancestor->kin.adopts_descendants)
        ancestor = ancestor->kin.parent;
    return ancestor != nullptr ? *ancestor : table.init();
}

/// The children of a process that ends are adopted; zombies among them are told anew, so that they
/// are collected.
void give_children_away(ProcessTable& table, Process& process) {
    Process& adopter = adopter_of_children(table, process);
    while (Process* child = process.children.pop_front()) {
        if (child->kin.parent_death_signal != Signal::kNone)
            send_signal_number(*child, child->kin.parent_death_signal);
        ProcessTable::set_parent(*child, &adopter);
        adopter.children.push_back(*child);
        if (child->kin.zombie) notify_parent(*child, abi::kCldExited, 0);
    }
}

/// A stopped group that nobody can continue any more is told so (POSIX 2.4.3, setpgid(2)).
void release_orphaned_groups(ProcessTable& table, Process& process) {
    const auto check = [&](Pid group) {
        if (!table.group_is_orphaned(group, &process)) return;
        bool any_stopped = false;
        for (Process* each = table.first(); each != nullptr; each = table.next(*each))
            if (each->kin.group == group && each != &process)
                any_stopped = any_stopped || each->signals.lock()->stopped;
        if (!any_stopped) return;
        for (Process* each = table.first(); each != nullptr; each = table.next(*each)) {
            if (each->kin.group != group || each == &process || each->kin.zombie) continue;
            send_signal_number(*each, Signal::kHup);
            send_signal_number(*each, Signal::kCont);
        }
    };
    const Process* parent = process.kin.parent;
    if (parent != nullptr && parent->kin.group != process.kin.group) check(process.kin.group);
    for (Process* child = process.children.front(); child != nullptr;
         child = process.children.next(*child)) {
        if (child->kin.group != process.kin.group) check(child->kin.group);
    }
}

/// True: nobody will wait for it.
bool is_reaped_by_itself(Process& process) {
    if (process.kin.exit_signal != Signal::kChld) return false;
    auto state = process.kin.parent->signals.lock();
    const abi::SigAction& action = state->action(Signal::kChld);
    return action.handler == abi::kSigIgnore || (action.flags & abi::kSaNoChildWait) != 0;
}

void become_zombie(Process& process, WaitStatus status) {
    RefPtr<Process> reaped;
    auto table = process_table().lock();
    release_orphaned_groups(*table, process);
    give_children_away(*table, process);
    process.kin.zombie = true;
    process.has_ended.store(true, std::memory_order_release);
    process.ended.wake_all();
    const bool alone = is_reaped_by_itself(process);
    const std::int32_t signal = status.word & 0x7f;
    notify_parent(process, status.was_killed() ? abi::kCldKilled : abi::kCldExited,
                  status.was_killed() ? signal : status.word >> 8);
    if (alone) reaped = table->remove(process);
}

void release_space(Process& process) {
    use_space(nullptr);
    process.set_space({}, {});
    process.set_executable({});
    process.has_released_space.store(true, std::memory_order_release);
    process.space_released.wake_all();
}

void end_process(Process& process, WaitStatus status) {
    if (process.pid == 1) end_system(status);
    process.timers.clear();
    process.set_handles({});
    leave_terminal(process);
    become_zombie(process, status);
}

/// What a thread owes to those who wait for it in memory (set_tid_address(2), get_robust_list(2)).
void say_goodbye(Task& task) {
    release_robust_futexes(task);
    release_pi_futexes(task, PiEnd::kThread);
    if (task.clear_child_tid.is_null()) return;
    const std::uint32_t zero = 0;
    if (write_user(task.clear_child_tid, &zero, sizeof zero)) wake_futex(task.clear_child_tid, 1);
}

}  // namespace

void exit_process(WaitStatus status) {
    Process& process = this_task().process();
    {
        auto state = process.signals.lock();
        if (!state->exiting || state->exec_by != nullptr) {
            state->exiting = true;
            state->exec_by = nullptr;
            state->exit_status = status;
            state->stopped = false;
            for (Task* each = state->first_thread; each != nullptr; each = each->next_thread)
                interrupt(*each);
        }
        status = state->exit_status;
    }
    process.state_changes.wake_all();
    exit_task(status);
}

void exit_task(WaitStatus status) {
    Task& task = this_task();
    Ref<Process> process(task.process());
    say_goodbye(task);
    bool last;
    {
        auto table = process_table().lock();
        table->set_task(task.tid, nullptr);
        if (task.tid != process->pid) table->release_id(task.tid);
        process->kin.used.own += cpu_time(task);
        auto state = process->signals.lock();
        last = leave_process(task, *state);
        if (last && !state->exiting) state->exit_status = status;
        if (last) status = state->exit_status;
    }
    process->state_changes.wake_all();
    if (last) {
        release_space(*process);
        end_process(*process, status);
    } else {
        use_space(nullptr);
    }
    // The thread object refers to its process until the last reference to it goes.
    {
        const Ref<Process> done = std::move(process);
    }
    exit_thread();
}

Result<void> become_only_thread() {
    Task& task = this_task();
    Process& process = task.process();
    {
        auto state = process.signals.lock();
        if (state->exiting) return Errno::AGAIN;
        if (state->thread_count.load(std::memory_order_relaxed) == 1) return {};
        state->exiting = true;
        state->exec_by = &task;
        for (Task* each = state->first_thread; each != nullptr; each = each->next_thread)
            if (each != &task) interrupt(*each);
    }
    process.state_changes.wake_all();
    const auto alone = [&] {
        auto state = process.signals.lock();
        return state->thread_count.load(std::memory_order_relaxed) == 1 || state->exec_by != &task;
    };
    static_cast<void>(process.state_changes.wait(alone, Deadline::never(), Interruptible::kNo));
    auto table = process_table().lock();
    auto state = process.signals.lock();
    if (state->exec_by != &task) return Errno::AGAIN;
    state->exiting = false;
    state->exec_by = nullptr;
    if (task.tid != process.pid) {
        table->set_task(task.tid, nullptr);
        table->release_id(task.tid);
        task.tid = process.pid;
        table->set_task(task.tid, &task);
    }
    return {};
}

}  // namespace exo::posix
