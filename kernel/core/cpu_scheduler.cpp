#include "kernel/core/cpu_scheduler.h"

#include <algorithm>
#include <cstring>

#include "kernel/arch/entry.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/user_space.h"
#include "kernel/core/load_average.h"
#include "kernel/core/program_time.h"
#include "kernel/core/reaper.h"
#include "kernel/core/timer_queue.h"
#include "lib/base/cpu.h"

namespace exo {

Thread& CpuScheduler::thread_of(sched::SchedEntity& entity) {
    return static_cast<ThreadEntity&>(entity).thread;
}

void CpuScheduler::publish() {
    std::uint32_t waiting = queue_.waiting();
    bool idle = false;
    if (queue_.current() == nullptr) [[unlikely]] {
        idle = waiting == 0;
        // One of those that wait is about to run: nobody need steal it, and nobody who looks for an
        // idle CPU comes here as well.
        if (!idle) --waiting;
    }
    waiting_hint_.store(waiting, std::memory_order_relaxed);
    load_hint_.store(queue_.load().word, std::memory_order_relaxed);
    idle_hint_.store(idle, std::memory_order_relaxed);
}

const sched::MachineLoad& CpuScheduler::machine_load() {
    sched::MachineLoad& load = this_cpu().scheduler->seen_;
    load.idle = 0;
    load.online = online.load(std::memory_order_acquire);
    for (std::uint64_t rest = load.online; rest != 0; rest &= rest - 1) {
        const auto cpu = static_cast<unsigned>(__builtin_ctzll(rest));
        const CpuScheduler& scheduler = of(cpu);
        load.cpus[cpu].waiting = scheduler.waiting_hint_.load(std::memory_order_relaxed);
        const sched::QueueLoad queue{scheduler.load_hint_.load(std::memory_order_relaxed)};
        load.cpus[cpu].weight = queue.fair_weight();
        load.cpus[cpu].realtime_runs = queue.any_above_fair();
        if (scheduler.idle_hint_.load(std::memory_order_relaxed)) load.idle |= 1ULL << cpu;
    }
    return load;
}

void CpuScheduler::charge(std::uint64_t now) {
    const std::uint64_t ran = now - charged_at_ns_;
    charged_at_ns_ = now;
    if (queue_.current() == nullptr) return;
    queue_.account(ran, now);
    busy_ns_ += ran;
    auto& time = thread_of(*queue_.current()).cpu_time_ns_;
    time.store(time.load(std::memory_order_relaxed) + ran, std::memory_order_relaxed);
}

void CpuScheduler::set_slice_timer(std::uint64_t now) {
    std::uint64_t at = queue_.next_unthrottle_ns();
    // A turn that is over already ends when the thread leaves the kernel, and no timer hastens it.
    if (queue_.current() != nullptr && queue_.waiting() != 0 && !this_cpu().reschedule) {
        const std::uint64_t check = queue_.next_check_ns(now);
        if (check != sched::kNever) at = std::min(at, now + check);
    }
    this_cpu().timers->set_slice_end(at);
}

// With the lock held and interrupts off; returns when this thread is switched to again, perhaps on
// another CPU, with that CPU's lock released.
void CpuScheduler::switch_to_next(std::uint64_t now) {
    this_cpu().reschedule = preempt_ = false;
    sample_load(now);
    static_cast<void>(queue_.unthrottle(now));
    sched::SchedEntity* entity = queue_.pick_next(now);
    publish();
    set_slice_timer(now);
    Thread& next = entity == nullptr ? idle_ : thread_of(*entity);
    if (&next == &this_thread()) {
        lock_.release();
        return;
    }
    switch_to(next);
}

void CpuScheduler::load_space(CpuLocal& cpu, arch::UserSpace* space) {
    if (cpu.space == space) return;
    arch::switch_space(cpu.space, space);
    cpu.space = space;
}

void CpuScheduler::switch_to(Thread& next) {
    CpuLocal& cpu = this_cpu();
    Thread& previous = *cpu.thread;
    if (previous.user_state.fpu != nullptr) {
        arch::leave_user_state(previous.user_state, cpu.fpu);
    }
    if (previous.marks_switches_) {
        previous.attention_.fetch_or(Thread::kSwitched, std::memory_order_relaxed);
    }
    std::uint64_t name[2];
    static_assert(sizeof name == Thread::kNameBytes);
    __builtin_memcpy(name, next.name_, sizeof name);  // freestanding: the other is a call
    cpu.trace.note(read_tsc(), TraceKind::kSwitch, name[0], name[1]);
    // A thread without a program leaves the tables loaded that are (lazy TLB): the next one is
    // often of the same program.
    if (next.space_ != nullptr) load_space(cpu, next.space_);
    if (next.user_state.fpu != nullptr) arch::enter_user_state(next.user_state);
    cpu.thread = &next;
    cpu.kernel_stack = next.stack_top_.value;
    arch::set_trap_stack(cpu.tables, next.stack_top_);
    switch_context(previous.context_, next.context_);
    finish_switch();
}

void CpuScheduler::finish_switch() {
    CpuScheduler& here = *this_cpu().scheduler;
    Thread* exited = here.exited_;
    Thread* leaving = here.leaving_;
    here.exited_ = here.leaving_ = nullptr;
    here.lock_.release();
    if (exited != nullptr) reap(*exited);
    if (leaving != nullptr) place(*leaving, sched::Enqueue::Migrated, WakeHint::kPlain);
}

void CpuScheduler::sleep() {
    const auto interrupts = arch::disable_interrupts();
    lock_.acquire();
    if (this_thread().state_.load(std::memory_order_relaxed) == ThreadState::kRunnable) {
        lock_.release();
    } else {
        const std::uint64_t now = arch::now_ns();
        charge(now);
        queue_.block();
        switch_to_next(now);
    }
    arch::restore_interrupts(interrupts);
}

void CpuScheduler::yield(sched::Put why) {
    lock_.acquire();
    const std::uint64_t now = arch::now_ns();
    charge(now);
    if (current_is_misplaced()) {
        queue_.block();
        leaving_ = &this_thread();
    } else if (queue_.current() != nullptr) {
        queue_.put_prev(why, now);
    }
    switch_to_next(now);
}

void CpuScheduler::exit() {
    lock_.acquire();
    charge(arch::now_ns());
    queue_.block();
    exited_ = &this_thread();
    exited_->state_.store(ThreadState::kDead, std::memory_order_relaxed);
    switch_to_next(charged_at_ns_);
    panic("a dead thread ran");
}

void CpuScheduler::idle_loop() {
    for (;;) {
        arch::disable_interrupts();
        if (!idle_hint_.load(std::memory_order_relaxed) || this_cpu().reschedule || steal_work()) {
            yield(sched::Put::Yielded);
        } else {
            arch::wait_for_interrupt();
        }
        arch::enable_interrupts();
    }
}

void CpuScheduler::enqueue(Thread& thread, sched::Enqueue why, WakeHint hint) {
    const auto interrupts = Lock::enter();
    lock_.acquire();
    const std::uint64_t now = arch::now_ns();
    sample_load(now);
    thread.cpu_.store(queue_.cpu(), std::memory_order_release);
    const bool here = queue_.cpu() == this_cpu().id;
    if (here) charge(now);
    if (hint == WakeHint::kSync && here && queue_.current() != nullptr) {
        queue_.hand_over(thread.entity, now);
    } else {
        queue_.enqueue(thread.entity, why, now);
    }
    const bool preempts = queue_.current() == nullptr || queue_.should_preempt(thread.entity, now);
    publish();
    if (here) {
        // A waker that is about to sleep may have its say first, but not before real time.
        const bool waits = hint == WakeHint::kSync && sched::is_fair(thread.entity.policy);
        if (preempts && !waits) this_cpu().reschedule = true;
        set_slice_timer(now);
    } else if (preempts) {
        preempt_ = true;
    }
    lock_.release();
    // Also where nobody is preempted: a CPU that ran somebody alone has no timer for the end of its
    // turn.
    if (!here) interrupt_cpu(queue_.cpu());
    Lock::leave(interrupts);
}

CpuScheduler::WakeResult CpuScheduler::try_wake(Thread& thread,
                                                bool only_interruptible) NO_THREAD_SAFETY_ANALYSIS {
    lock_.acquire();
    WakeResult result = WakeResult::kNotHere;
    if (thread.cpu_.load(std::memory_order_relaxed) == queue_.cpu()) {
        const ThreadState state = thread.state_.load(std::memory_order_relaxed);
        const bool asleep = state == ThreadState::kInterruptible ||
                            (state == ThreadState::kSleeping && !only_interruptible);
        result = WakeResult::kAwake;
        if (asleep) {
            thread.state_.store(ThreadState::kRunnable, std::memory_order_relaxed);
            result = queue_.current() == &thread.entity ? WakeResult::kStays : WakeResult::kMoves;
        }
    }
    lock_.release();
    return result;
}

/// What the current thread has run since it was charged.
std::uint64_t CpuScheduler::uncharged_ns() const {
    // The clocks of two CPUs need not agree to the nanosecond.
    const std::uint64_t now = arch::now_ns();
    return now > charged_at_ns_ ? now - charged_at_ns_ : 0;
}

namespace {

/// `total_ns`, of which `ticks` in programs. Two clocks were read one after the other.
CpuTime split_time(std::uint64_t total_ns, std::uint64_t ticks) {
    const std::uint64_t program_ns = std::min(arch::ticks_to_ns(ticks), total_ns);
    return {program_ns, total_ns - program_ns};
}

}  // namespace

std::optional<CpuTime> CpuScheduler::cpu_time(const Thread& thread) NO_THREAD_SAFETY_ANALYSIS {
    lock_.acquire();
    std::optional<CpuTime> time;
    if (thread.cpu_.load(std::memory_order_relaxed) == queue_.cpu()) {
        std::uint64_t ns = thread.cpu_time_ns_.load(std::memory_order_relaxed);
        std::uint64_t ticks = thread.program_ticks_.load(std::memory_order_relaxed);
        if (queue_.current() == &thread.entity) {
            // It stays current while the lock is held.
            ticks = program_ticks_until(cpu_local(queue_.cpu()).program_time, thread.program_ticks_,
                                        read_tsc());
            ns += uncharged_ns();
        }
        time = split_time(ns, ticks);
    }
    lock_.release();
    return time;
}

CpuTime CpuScheduler::busy_time() NO_THREAD_SAFETY_ANALYSIS {
    lock_.acquire();
    const ProgramTime& program = cpu_local(queue_.cpu()).program_time;
    const std::uint64_t ticks = program_ticks_until(program, program.ticks, read_tsc());
    const std::uint64_t ns = busy_ns_ + (queue_.current() != nullptr ? uncharged_ns() : 0);
    lock_.release();
    return split_time(ns, ticks);
}

std::uint32_t CpuScheduler::runnable_threads() {
    std::uint32_t count = 0;
    for (std::uint64_t rest = online.load(std::memory_order_acquire); rest != 0; rest &= rest - 1) {
        const CpuScheduler& scheduler = of(static_cast<unsigned>(__builtin_ctzll(rest)));
        count += scheduler.waiting_hint_.load(std::memory_order_relaxed);
        if (!scheduler.idle_hint_.load(std::memory_order_relaxed)) ++count;
    }
    return count;
}

void CpuScheduler::tick() {
    lock_.acquire();
    const std::uint64_t now = arch::now_ns();
    charge(now);
    if (queue_.unthrottle(now) || preempt_) this_cpu().reschedule = true;
    if (queue_.current() == nullptr) {
        if (queue_.waiting() != 0) this_cpu().reschedule = true;
    } else if (current_is_misplaced() || (queue_.waiting() != 0 && queue_.slice_expired(now))) {
        this_cpu().reschedule = true;
    }
    set_slice_timer(now);
    const std::optional<unsigned> relief =
        queue_.waiting() == 0 ? std::nullopt
                              : sched::select_relief(queue_.cpu(), topology, machine_load());
    sched::SchedEntity* leaves = relief ? queue_.relieve(*relief) : nullptr;
    if (leaves != nullptr) publish();
    lock_.release();
    if (leaves != nullptr) {
        of(*relief).enqueue(thread_of(*leaves), sched::Enqueue::Migrated, WakeHint::kPlain);
    }
}

sched::SchedEntity* CpuScheduler::give(std::uint32_t thief) NO_THREAD_SAFETY_ANALYSIS {
    if (!lock_.try_acquire()) return nullptr;
    sched::SchedEntity* entity = queue_.steal(thief);
    publish();
    lock_.release();
    return entity;
}

// Of an idle CPU, interrupts off: takes one thread from the fullest queue.
bool CpuScheduler::steal_work() {
    const auto victim = sched::select_victim(queue_.cpu(), topology, machine_load());
    if (!victim || *victim == queue_.cpu()) return false;
    sched::SchedEntity* entity = of(*victim).give(queue_.cpu());
    if (entity == nullptr) return false;
    enqueue(thread_of(*entity), sched::Enqueue::Migrated, WakeHint::kPlain);
    return true;
}

}  // namespace exo
