#include "kernel/core/scheduler.h"

#include <bit>
#include <utility>

#include "kernel/arch/cpu.h"
#include "kernel/arch/interrupts.h"
#include "kernel/arch/local_apic.h"
#include "kernel/core/cpu_scheduler.h"
#include "kernel/core/panic.h"
#include "kernel/core/timer_queue.h"
#include "kernel/core/wait_queue.h"

namespace exo {

namespace {

constinit CpuLocal* cpus[sched::kMaxCpus] = {};
constinit Atomic<std::uint32_t> online_count{0};

/// The boot stack's thread of a CPU: runs when nobody else does, and is in no run queue.
class IdleThread final : public Thread {
  public:
    IdleThread() : Thread("idle") {}
};

std::uint32_t choose_cpu(const Thread& thread, WakeHint hint) {
    if (online_count.load(std::memory_order_relaxed) == 1) return this_cpu().id;
    const auto wake = hint == WakeHint::kSync ? sched::Wake::Sync : sched::Wake::Plain;
    const auto cpu = sched::select_cpu(thread.entity, this_cpu().id, wake, CpuScheduler::topology,
                                       CpuScheduler::machine_load());
    return cpu.value_or(this_cpu().id);
}

bool end_sleep(Thread& thread, Atomic<std::uint32_t>& home, WakeHint hint,
               bool only_interruptible) {
    const auto interrupts = arch::disable_interrupts();
    auto result = CpuScheduler::WakeResult::kNotHere;
    while (result == CpuScheduler::WakeResult::kNotHere) {
        CpuScheduler& scheduler = CpuScheduler::of(home.load(std::memory_order_acquire));
        result = scheduler.try_wake(thread, only_interruptible);
    }
    if (result == CpuScheduler::WakeResult::kMoves) {
        CpuScheduler::place(thread, sched::Enqueue::Wakeup, hint);
    }
    arch::restore_interrupts(interrupts);
    return result != CpuScheduler::WakeResult::kAwake;
}

}  // namespace

void CpuScheduler::place(Thread& thread, sched::Enqueue why, WakeHint hint) {
    of(choose_cpu(thread, hint)).enqueue(thread, why, hint);
}

CpuLocal& cpu_local(std::uint32_t id) {
    EXO_CHECK(id < sched::kMaxCpus && cpus[id] != nullptr, "no such CPU");
    return *cpus[id];
}

void register_cpu(CpuLocal& cpu) {
    EXO_CHECK(cpu.id < sched::kMaxCpus, "more CPUs than the kernel knows of");
    cpu.fpu.cpu = cpu.id;
    cpus[cpu.id] = &cpu;
}

Result<void> start_scheduler() {
    CpuLocal& cpu = this_cpu();
    auto* idle = new (std::nothrow) IdleThread;
    if (idle == nullptr) return Errno::NOMEM;
    cpu.timers = new (std::nothrow) TimerQueue;
    if (cpu.timers == nullptr) return Errno::NOMEM;
    cpu.scheduler = new (std::nothrow) CpuScheduler(cpu.id, *idle);
    if (cpu.scheduler == nullptr) return Errno::NOMEM;
    cpu.thread = idle;
    arch::set_cpu_number(cpu.id);
    if (cpu.id == 0) {
        CpuScheduler::topology = sched::Topology::regular(sched::kMaxCpus, 1, sched::kMaxCpus);
    }
    cpu.scheduler->publish();
    CpuScheduler::online.fetch_or(std::uint64_t{1} << cpu.id, std::memory_order_release);
    online_count.fetch_add(1, std::memory_order_release);
    return {};
}

void idle() {
    this_cpu().scheduler->idle_loop();
}

std::uint64_t cpu_time_ns(const Thread& thread) {
    return cpu_time(thread).total_ns();
}

CpuTime cpu_time(const Thread& thread) {
    const auto interrupts = arch::disable_interrupts();
    std::optional<CpuTime> time;
    while (!time) time = CpuScheduler::of(thread.last_cpu()).cpu_time(thread);
    arch::restore_interrupts(interrupts);
    return *time;
}

CpuTime cpu_busy_time(std::uint32_t cpu) {
    const auto interrupts = arch::disable_interrupts();
    const CpuTime time = CpuScheduler::of(cpu).busy_time();
    arch::restore_interrupts(interrupts);
    return time;
}

std::uint32_t online_cpus() {
    return online_count.load(std::memory_order_acquire);
}

void Thread::begin(void* argument) {
    auto& thread = *static_cast<Thread*>(argument);
    CpuScheduler::finish_switch();
    arch::enable_interrupts();
    thread.entry_(thread.argument_);
    exit_thread();
}

void start_thread(Thread& thread) {
    thread.ref();  // given back by the reaper
    const auto interrupts = arch::disable_interrupts();
    thread.state_.store(ThreadState::kRunnable, std::memory_order_relaxed);
    CpuScheduler::place(thread, sched::Enqueue::New, WakeHint::kPlain);
    arch::restore_interrupts(interrupts);
}

void yield() {
    might_sleep();
    const auto interrupts = arch::disable_interrupts();
    this_cpu().scheduler->yield(sched::Put::Yielded);
    arch::restore_interrupts(interrupts);
}

void reschedule_if_needed() {
    while (this_cpu().reschedule) this_cpu().scheduler->yield(sched::Put::Preempted);
}

bool should_yield() {
    return this_cpu().reschedule;
}

void exit_thread() {
    arch::disable_interrupts();
    this_cpu().scheduler->exit();
}

void interrupt_cpu(std::uint32_t cpu) {
    CpuLocal& here = this_cpu();
    if (here.wake_batches != 0) {
        here.cpus_to_interrupt |= std::uint64_t{1} << cpu;
    } else {
        arch::send_ipi(cpu_local(cpu).apic_id, arch::kRescheduleVector);
    }
}

// An interrupt handler may come in between, with wake-ups of its own: the word is taken as a whole.
void WakeBatch::interrupt_cpus() {
    const auto interrupts = arch::disable_interrupts();
    std::uint64_t left = std::exchange(this_cpu().cpus_to_interrupt, 0);
    for (; left != 0; left &= left - 1)
        arch::send_ipi(cpu_local(static_cast<std::uint32_t>(std::countr_zero(left))).apic_id,
                       arch::kRescheduleVector);
    arch::restore_interrupts(interrupts);
}

bool wake(Thread& thread, WakeHint hint) {
    return end_sleep(thread, thread.cpu_, hint, false);
}

void interrupt(Thread& thread) {
    // release: whoever sees the mark sees what it is about; seq_cst below against prepare_sleep().
    thread.attention_.fetch_or(Thread::kInterrupted, std::memory_order_seq_cst);
    if (end_sleep(thread, thread.cpu_, WakeHint::kPlain, true)) return;
    const std::uint32_t cpu = thread.cpu_.load(std::memory_order_acquire);
    if (&thread != &this_thread() && cpu != this_cpu().id) {
        arch::send_ipi(cpu_local(cpu).apic_id, arch::kRescheduleVector);
    }
}

void prepare_sleep(ThreadState state) {
    // seq_cst: the state is visible before the condition is looked at again; the waker changes the
    // condition before it looks at the state, under the queue's lock.
    this_thread().state_.store(state, std::memory_order_seq_cst);
}

void sleep_prepared() {
    might_sleep();
    this_cpu().scheduler->sleep();
}

void cancel_sleep() {
    this_thread().state_.store(ThreadState::kRunnable, std::memory_order_seq_cst);
}

Result<void> sleep_until(Deadline deadline) {
    WaitQueue nobody;
    const auto result = nobody.wait([] { return false; }, deadline);
    if (!result && result.error() == Errno::TIMEDOUT) return {};
    return result;
}

void use_space(arch::UserSpace* space) {
    const auto interrupts = arch::disable_interrupts();
    this_thread().space_ = space;
    CpuScheduler::load_space(this_cpu(), space);
    arch::restore_interrupts(interrupts);
}

void might_sleep() {
    const CpuLocal& cpu = this_cpu();
    EXO_CHECK(cpu.interrupt_depth == 0, "sleeping in an interrupt");
    EXO_CHECK(cpu.held_count == 0, "sleeping with a spin lock held");
}

void scheduler_tick() {
    CpuLocal& cpu = this_cpu();
    if (cpu.timers == nullptr) return;
    cpu.timers->run_expired();
    cpu.scheduler->tick();
}

}  // namespace exo
