#include "kernel/core/wait_queue.h"

#include "kernel/core/timer.h"

namespace exo {

Waiter::~Waiter() {
    EXO_CHECK(queue_ == nullptr, "a waiter is destroyed in its queue");
}

bool ThreadWaiter::wake_thread(Waiter& waiter, WakeHint hint) {
    return wake(static_cast<ThreadWaiter&>(waiter).thread_, hint);
}

WaitQueue::~WaitQueue() {
    EXO_CHECK(waiters_.lock()->empty(), "a wait queue is destroyed with waiters in it");
}

void WaitQueue::add(Waiter& waiter) {
    insert(waiter, Position::kLast);
}
void WaitQueue::add_watcher(Waiter& waiter) {
    insert(waiter, Position::kFirst);
}

void WaitQueue::insert(Waiter& waiter, Position position) {
    auto waiters = waiters_.lock();
    EXO_CHECK(waiter.queue_ == nullptr, "a waiter waits in one queue at a time");
    waiter.queue_ = this;
    position == Position::kFirst ? waiters->push_front(waiter) : waiters->push_back(waiter);
    // seq_cst: the count is visible before the waiter looks at its condition (maybe_waiters()).
    count_.fetch_add(1, std::memory_order_seq_cst);
}

void WaitQueue::remove(Waiter& waiter) {
    auto waiters = waiters_.lock();
    if (waiter.queue_ != this) return;
    waiter.link_.unlink();
    waiter.queue_ = nullptr;
    count_.fetch_sub(1, std::memory_order_relaxed);
}

bool WaitQueue::wake_one(WakeHint hint) {
    const WakeBatch batch;
    auto waiters = waiters_.lock();
    for (Waiter* waiter = waiters->front(); waiter != nullptr; waiter = waiters->next(*waiter)) {
        if (waiter->notify_(*waiter, hint)) return true;
    }
    return false;
}

bool WaitQueue::wake_all(WakeHint hint) {
    const WakeBatch batch;
    auto waiters = waiters_.lock();
    bool woken = false;
    for (Waiter* waiter = waiters->front(); waiter != nullptr; waiter = waiters->next(*waiter)) {
        woken = waiter->notify_(*waiter, hint) || woken;
    }
    return woken;
}

Result<void> WaitQueue::why_not_sleep(Deadline deadline, Interruptible interruptible) {
    if (interruptible == Interruptible::kYes && this_thread().interrupted()) {
        return Errno::RESTARTSYS;
    }
    if (deadline.passed()) return Errno::TIMEDOUT;
    return {};
}

void WaitQueue::sleep_with_deadline(Deadline deadline) {
    if (deadline.is_never()) return sleep_prepared();
    struct WakeTimer : Timer {
        explicit WakeTimer(Thread& t) : Timer(&fire), thread(t) {}
        static void fire(Timer& timer) { wake(static_cast<WakeTimer&>(timer).thread); }
        Thread& thread;
    } timer(this_thread());
    timer.arm(deadline);
    sleep_prepared();
    timer.cancel();
}

}  // namespace exo
