// Nice values and affinity of threads (scheduler.h). A change is made under the lock of the run
// queue whose thread it is; a thread on the way between two is waited for: nobody sleeps there.
#include "kernel/arch/interrupts.h"
#include "kernel/arch/local_apic.h"
#include "kernel/core/cpu_scheduler.h"
#include "kernel/core/scheduler.h"

namespace exo {

CpuScheduler::ChangeResult CpuScheduler::try_set_affinity(Thread& thread, std::uint64_t cpus)
    NO_THREAD_SAFETY_ANALYSIS {
    const SpinGuard guard(lock_);
    if (thread.cpu_.load(std::memory_order_relaxed) != queue_.cpu()) return ChangeResult::kNotHere;
    sched::SchedEntity& entity = thread.entity;
    const bool runnable = thread.state() == ThreadState::kRunnable;
    if (runnable && entity.state == sched::EntityState::Blocked) return ChangeResult::kNotHere;
    static_cast<void>(queue_.set_affinity(entity, cpus));  // is not 0
    if (!runnable || entity.allowed_on(queue_.cpu())) return ChangeResult::kDone;
    if (entity.state == sched::EntityState::Running) return ChangeResult::kRuns;
    queue_.dequeue(entity);
    publish();
    return ChangeResult::kMoves;
}

bool CpuScheduler::try_set_nice(Thread& thread, int nice) NO_THREAD_SAFETY_ANALYSIS {
    const SpinGuard guard(lock_);
    if (thread.cpu_.load(std::memory_order_relaxed) != queue_.cpu()) return false;
    queue_.set_nice(thread.entity, nice);
    publish();
    return true;
}

std::optional<CpuScheduler::Policy> CpuScheduler::policy(const Thread& thread)
    NO_THREAD_SAFETY_ANALYSIS {
    const SpinGuard guard(lock_);
    if (thread.cpu_.load(std::memory_order_relaxed) != queue_.cpu()) return {};
    return Policy{thread.entity.nice, thread.entity.affinity};
}

namespace {

CpuScheduler::Policy policy_of(const Thread& thread) {
    const auto interrupts = arch::disable_interrupts();
    std::optional<CpuScheduler::Policy> policy;
    while (!policy) policy = CpuScheduler::of(thread.last_cpu()).policy(thread);
    arch::restore_interrupts(interrupts);
    return *policy;
}

}  // namespace

int nice_of(const Thread& thread) {
    return policy_of(thread).nice;
}

std::uint64_t affinity_of(const Thread& thread) {
    return policy_of(thread).affinity;
}

void set_nice(Thread& thread, int nice) {
    const auto interrupts = arch::disable_interrupts();
    while (!CpuScheduler::of(thread.last_cpu()).try_set_nice(thread, nice)) {
    }
    arch::restore_interrupts(interrupts);
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
    set_nice(child, policy.nice);
    // Nobody else knows of it yet.
    child.entity.affinity = policy.affinity;
    child.entity.predictor.inherit(parent.entity.predictor);
    child.program_ = parent.program_;
    child.entity.profile = parent.entity.profile;
}

}  // namespace exo
