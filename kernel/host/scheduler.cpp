// kernel/core/scheduler.h on threads of the host: each is a CPU's only one, so a sleep is that of
// the host's thread, and there is nobody to switch to.
#include "kernel/core/scheduler.h"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel/arch/user_space.h"
#include "kernel/core/cpu_scheduler.h"
#include "kernel/core/kernel_stack.h"
#include "kernel/host/cpu.h"
#include "kernel/mm/out_of_memory.h"

namespace exo {

namespace {

// One for all threads: tests have few, and a wake-up is rare.
struct Sleepers {
    std::mutex mutex;
    std::condition_variable woken;
};

Sleepers& sleepers() {
    static Sleepers all;
    return all;
}

std::vector<std::thread>& threads() {
    static std::vector<std::thread> all;
    return all;
}

}  // namespace

void host::join_threads() {
    for (std::thread& thread : threads()) thread.join();
    threads().clear();
}

void WakeBatch::interrupt_cpus() {}

// Called by the test's own thread alone.
void start_thread(Thread& thread) {
    thread.ref();
    thread.state_.store(ThreadState::kRunnable, std::memory_order_relaxed);
    threads().emplace_back([&thread] {
        {
            const host::Cpu cpu(thread);
            thread.entry_(thread.argument_);
        }
        thread.unref();
    });
}

void prepare_sleep(ThreadState state) {
    // seq_cst: announced before the condition is looked at again, as in the kernel.
    this_thread().state_.store(state, std::memory_order_seq_cst);
}

void sleep_prepared() {
    const auto sleeps = [] { return this_thread().state() != ThreadState::kRunnable; };
    while (sleeps() && host::sleep_until_timer()) {
    }
    std::unique_lock lock(sleepers().mutex);
    sleepers().woken.wait(lock, [&] { return !sleeps(); });
}

void cancel_sleep() {
    this_thread().state_.store(ThreadState::kRunnable, std::memory_order_relaxed);
}

bool wake(Thread& thread, WakeHint) {
    ThreadState seen = thread.state_.load(std::memory_order_seq_cst);
    if (seen == ThreadState::kRunnable) return false;
    const std::lock_guard lock(sleepers().mutex);
    if (!thread.state_.compare_exchange_strong(seen, ThreadState::kRunnable)) return false;
    sleepers().woken.notify_all();
    return true;
}

void interrupt(Thread& thread) {
    thread.attention_.fetch_or(Thread::kInterrupted, std::memory_order_seq_cst);
    if (thread.state() == ThreadState::kInterruptible) wake(thread);
}

void might_sleep() {
    EXO_CHECK(this_cpu().held_count == 0, "sleeping with a spin lock held");
}

void yield() {
    std::this_thread::yield();
}

bool should_yield() {
    return false;
}

std::uint32_t online_cpus() {
    return host::cpu_count();
}

void CpuScheduler::load_space(CpuLocal& cpu, arch::UserSpace* space) {
    arch::switch_space(cpu.space, space);
    cpu.space = space;
}

void use_space(arch::UserSpace* space) {
    CpuScheduler::load_space(this_cpu(), space);
    this_thread().space_ = space;
}

/// There is no program that could be ended.
bool relieve_memory() {
    return false;
}

void Thread::begin(void*) {
    panic("threads of the host begin in start_thread()");
}

// Where a thread's first context and the registers of its program would be.
Result<VirtAddr> allocate_kernel_stack() {
    void* stack = std::aligned_alloc(kPageSize, Thread::kStackBytes);
    if (stack == nullptr) return Errno::NOMEM;
    return VirtAddr(reinterpret_cast<std::uint64_t>(stack) + Thread::kStackBytes);
}

void free_kernel_stack(VirtAddr top) {
    std::free(reinterpret_cast<void*>(top.value - Thread::kStackBytes));
}

}  // namespace exo
