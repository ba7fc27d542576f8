// Policies, nice values and affinity of threads (scheduler.h). A change is made under the lock of
// the run queue whose thread it is; a thread on the way between two is waited for: nobody sleeps
// there.
#include <algorithm>

#include "kernel/arch/interrupts.h"
#include "kernel/arch/local_apic.h"
#include "kernel/core/cpu_scheduler.h"
#include "kernel/core/scheduler.h"
#include "lib/base/cpu.h"

namespace exo {

/// Runnable, but in no queue: who brings it into one reads what a change would write.
bool CpuScheduler::on_the_way(const Thread& thread) const {
    return thread.state() == ThreadState::kRunnable &&
           thread.entity.state == sched::EntityState::Blocked;
}

CpuScheduler::ChangeResult CpuScheduler::try_set_affinity(Thread& thread, std::uint64_t cpus)
    NO_THREAD_SAFETY_ANALYSIS {
    const SpinGuard guard(lock_);
    if (thread.cpu_.load(std::memory_order_relaxed) != queue_.cpu()) return ChangeResult::kNotHere;
    sched::SchedEntity& entity = thread.entity;
    if (on_the_way(thread)) return ChangeResult::kNotHere;
    static_cast<void>(queue_.set_affinity(entity, cpus));  // is not 0
    const bool runnable = thread.state() == ThreadState::kRunnable;
    if (!runnable || entity.allowed_on(queue_.cpu())) return ChangeResult::kDone;
    if (entity.state == sched::EntityState::Running) return ChangeResult::kRuns;
    queue_.dequeue(entity);
    publish();
    return ChangeResult::kMoves;
}

/// The queue goes by what the thread has and is lent now. True: this CPU should choose anew.
bool CpuScheduler::follow_change(ThreadEntity& entity, std::uint64_t now) {
    const sched::Standing next = sched::raised(entity.own, entity.lent);
    bool choose = false;
    if (next.policy != entity.policy || next.rt_priority != entity.rt_priority) {
        static_cast<void>(queue_.set_policy(entity, next.policy, next.rt_priority, {}, now));
        choose = entity.state == sched::EntityState::Running ? queue_.waiting() != 0
                                                             : queue_.should_preempt(entity, now);
    }
    if (next.nice != entity.nice) queue_.set_nice(entity, next.nice);
    publish();
    return choose;
}

template <typename Change>
bool CpuScheduler::try_change(Thread& thread, Change change) NO_THREAD_SAFETY_ANALYSIS {
    const bool here = queue_.cpu() == this_cpu().id;
    bool choose = false;
    {
        const SpinGuard guard(lock_);
        if (thread.cpu_.load(std::memory_order_relaxed) != queue_.cpu() || on_the_way(thread))
            return false;
        const std::uint64_t now = arch::now_ns();
        // What it ran until now it ran as what it was; another CPU's clock need not agree.
        if (here) charge(now);
        change(thread.entity);
        choose = follow_change(thread.entity, now);
        if (choose && here) this_cpu().reschedule = true;
        if (choose && !here) preempt_ = true;
    }
    if (choose && !here) interrupt_cpu(queue_.cpu());
    return true;
}

std::optional<CpuScheduler::Policy> CpuScheduler::policy(const Thread& thread)
    NO_THREAD_SAFETY_ANALYSIS {
    const SpinGuard guard(lock_);
    if (thread.cpu_.load(std::memory_order_relaxed) != queue_.cpu()) return {};
    const ThreadEntity& entity = thread.entity;
    return Policy{entity.own, sched::raised(entity.own, entity.lent),
                  entity.resets_on_fork ? OnFork::kReset : OnFork::kKeep, entity.affinity};
}

namespace {

CpuScheduler::Policy policy_of(const Thread& thread) {
    const auto interrupts = arch::disable_interrupts();
    std::optional<CpuScheduler::Policy> policy;
    while (!policy) policy = CpuScheduler::of(thread.last_cpu()).policy(thread);
    arch::restore_interrupts(interrupts);
    return *policy;
}

/// `change` is called once, with the lock of the thread's run queue held.
template <typename Change>
void change_policy(Thread& thread, Change change) {
    const auto interrupts = arch::disable_interrupts();
    while (!CpuScheduler::of(thread.last_cpu()).try_change(thread, change)) cpu_relax();
    arch::restore_interrupts(interrupts);
}

}  // namespace

sched::Standing standing_of(const Thread& thread) {
    return policy_of(thread).own;
}

sched::Standing raised_standing_of(const Thread& thread) {
    return policy_of(thread).raised;
}

OnFork on_fork(const Thread& thread) {
    return policy_of(thread).on_fork;
}

void set_nice(Thread& thread, int nice) {
    const int valid = std::clamp(nice, sched::kMinNice, sched::kMaxNice);
    change_policy(thread,
                  [&](ThreadEntity& entity) { entity.own.nice = static_cast<std::int8_t>(valid); });
}

void set_policy(Thread& thread, sched::Policy policy, std::uint8_t priority, OnFork on_fork) {
    change_policy(thread, [&](ThreadEntity& entity) {
        entity.own.policy = policy;
        entity.own.rt_priority = priority;
        entity.resets_on_fork = on_fork == OnFork::kReset;
    });
}

sched::Urgency lend(Thread& thread, sched::Urgency urgency) {
    sched::Urgency now;
    change_policy(thread, [&](ThreadEntity& entity) {
        entity.lent = urgency;
        now = std::max(urgency, sched::Urgency(entity.own));
    });
    return now;
}

std::uint64_t affinity_of(const Thread& thread) {
    return policy_of(thread).affinity;
}

Result<void> set_affinity(Thread& thread, std::uint64_t cpus) {
    if ((cpus & CpuScheduler::online.load(std::memory_order_acquire)) == 0) return Errno::INVAL;
    const auto interrupts = arch::disable_interrupts();
    auto result = CpuScheduler::ChangeResult::kNotHere;
    std::uint32_t cpu = 0;
    while (result == CpuScheduler::ChangeResult::kNotHere) {
        cpu = thread.last_cpu();
        result = CpuScheduler::of(cpu).try_set_affinity(thread, cpus);
    }
    if (result == CpuScheduler::ChangeResult::kMoves) {
        CpuScheduler::place(thread, sched::Enqueue::Migrated, WakeHint::kPlain);
    } else if (result == CpuScheduler::ChangeResult::kRuns) {
        if (cpu == this_cpu().id) {
            this_cpu().reschedule = true;
        } else {
            arch::send_ipi(cpu_local(cpu).apic_id, arch::kRescheduleVector);
        }
    }
    arch::restore_interrupts(interrupts);
    return {};
}

// Read when a burst begins or ends: by this thread, or by who wakes it while it sleeps.
void set_program(RefPtr<ProgramProfile> program) {
    Thread& self = this_thread();
    self.entity.profile = program ? &program->bursts : nullptr;
    std::swap(self.program_, program);
}

void inherit_policy(Thread& child, const Thread& parent) {
    const CpuScheduler::Policy policy = policy_of(parent);
    sched::Standing standing = policy.own;
    if (policy.on_fork == OnFork::kReset) {
        if (sched::is_realtime(standing.policy)) standing = {};
        standing.nice = std::max(standing.nice, std::int8_t{0});
    }
    if (standing != sched::Standing{})
        change_policy(child, [&](ThreadEntity& entity) { entity.own = standing; });
    // Nobody else knows of it yet.
    child.entity.affinity = policy.affinity;
    child.entity.predictor.inherit(parent.entity.predictor);
    child.program_ = parent.program_;
    child.entity.profile = parent.entity.profile;
}

}  // namespace exo
