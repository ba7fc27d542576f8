// acquire, where the lock is taken: sees what was written before the release() of whoever left it.
// A lock that is handed over was taken by who handed it over, and has_it (release, acquire) passes
// that on.
#include "kernel/core/rw_mutex.h"

#include "kernel/core/scheduler.h"

namespace exo {

/// Unless it is taken, or somebody waits.
bool BasicRwMutex::try_acquire(Wants wants) {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    for (;;) {
        const bool free = wants == Wants::kRead ? (seen & (kWriter | kWaiters)) == 0 : seen == 0;
        if (!free) return false;
        const std::uint32_t taken = wants == Wants::kRead ? seen + 1 : kWriter;
        if (state_.compare_exchange_weak(seen, taken, std::memory_order_acquire,
                                         std::memory_order_relaxed))
            return true;
    }
}

/// The same for who holds the queue's lock and has set kWaiters: so that nobody else takes it, and
/// those who hold it only leave.
bool BasicRwMutex::take(Wants wants) {
    const std::uint32_t seen = state_.load(std::memory_order_acquire);
    if ((seen & kWriter) != 0) return false;
    if (wants == Wants::kWrite && (seen & kReaders) != 0) return false;
    state_.fetch_add(wants == Wants::kRead ? 1 : kWriter, std::memory_order_acquire);
    return true;
}

void BasicRwMutex::acquire_slowly(Wants wants) {
    Waiter self(this_thread(), wants);
    {
        auto waiters = waiters_.lock();
        // From here on who leaves comes to the queue's lock.
        state_.fetch_or(kWaiters, std::memory_order_acquire);
        if (waiters->empty() && take(wants)) {
            state_.fetch_and(~kWaiters, std::memory_order_relaxed);
            return;
        }
        waiters->push_back(self);
    }
    for (;;) {
        prepare_sleep(ThreadState::kSleeping);
        if (self.has_it.load(std::memory_order_acquire)) break;
        sleep_prepared();
    }
    cancel_sleep();
}

/// False: nobody waits, or the first cannot have it yet.
bool BasicRwMutex::hand_over_one() {
    RefPtr<Thread> thread;
    {
        auto waiters = waiters_.lock();
        Waiter* const first = waiters->front();
        if (first == nullptr || !take(first->wants)) return false;
        first->link.unlink();
        if (waiters->empty()) state_.fetch_and(~kWaiters, std::memory_order_relaxed);
        thread = RefPtr<Thread>(&first->thread);
        // seq_cst: before wake() looks whether it sleeps. The last touch: it may be gone then.
        first->has_it.store(true, std::memory_order_seq_cst);
    }
    wake(*thread);
    return true;
}

void BasicRwMutex::hand_over() {
    const WakeBatch batch;
    while (hand_over_one()) {
    }
}

void BasicRwMutex::acquire_read() {
    might_sleep();
    if (!try_acquire(Wants::kRead)) [[unlikely]]
        acquire_slowly(Wants::kRead);
}

void BasicRwMutex::release_read() {
    const std::uint32_t before = state_.fetch_sub(1, std::memory_order_release);
    if (before == (kWaiters | 1)) [[unlikely]]
        hand_over();
}

void BasicRwMutex::acquire_write() {
    might_sleep();
    if (!try_acquire(Wants::kWrite)) [[unlikely]]
        acquire_slowly(Wants::kWrite);
}

void BasicRwMutex::release_write() {
    const std::uint32_t before = state_.fetch_and(~kWriter, std::memory_order_release);
    if ((before & kWaiters) != 0) [[unlikely]]
        hand_over();
}

}  // namespace exo
