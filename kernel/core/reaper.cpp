#include "kernel/core/reaper.h"

#include "kernel/core/wait_queue.h"

namespace exo {

namespace {

struct Reaper {
    Locked<List<Thread, &Thread::dead_link>, IrqSpinLock<LockRank::kWaitQueue>> dead;
    Atomic<bool> work{false};
    WaitQueue queue;
};

constinit Reaper* reaper = nullptr;

Thread* next_dead() {
    return reaper->dead.lock()->pop_front();
}

void run(void*) {
    for (;;) {
        const auto woken = reaper->queue.wait(
            [] { return reaper->work.exchange(false, std::memory_order_acquire); },
            Deadline::never(), Interruptible::kNo);
        EXO_CHECK(woken.has_value(), "the reaper's wait has no way to fail");
        while (Thread* thread = next_dead()) thread->unref();
    }
}

}  // namespace

Result<void> start_reaper() {
    reaper = new (std::nothrow) Reaper;
    if (reaper == nullptr) return Errno::NOMEM;
    const auto thread = TRY(Thread::create_kernel("reaper", run, nullptr));
    start_thread(*thread);
    return {};
}

void reap(Thread& dead) {
    reaper->dead.lock()->push_back(dead);
    reaper->work.store(true, std::memory_order_release);
    reaper->queue.wake_one();
}

}  // namespace exo
