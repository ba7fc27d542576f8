// Owner and state change by compare-and-exchange; who finds a mutex taken sleeps in its queue and
// tries again. The queue's lock orders "put myself into the queue, look again" against "release,
// look whether somebody waits".
#include "kernel/core/mutex.h"

namespace exo {

bool BasicMutex::try_acquire() {
    Thread* expected = nullptr;
    // acquire: sees what the last owner wrote before its release().
    return owner_.compare_exchange_strong(expected, &this_thread(), std::memory_order_acquire,
                                          std::memory_order_relaxed);
}

// Most owners are done sooner than a sleep and a wake-up take.
bool BasicMutex::spin_for_owner() {
    constexpr unsigned kPatience = 400;
    for (unsigned i = 0; i < kPatience; ++i) {
        if (owner_.load(std::memory_order_relaxed) == nullptr && try_acquire()) return true;
        cpu_relax();
    }
    return false;
}

void BasicMutex::acquire() {
    might_sleep();
    EXO_CHECK(owner_.load(std::memory_order_relaxed) != &this_thread(),
              "a mutex is taken twice by one thread");
    if (try_acquire()) [[likely]]
        return;
    if (online_cpus() > 1 && spin_for_owner()) return;
    const auto taken =
        queue_.wait([this] { return try_acquire(); }, Deadline::never(), Interruptible::kNo);
    EXO_CHECK(taken.has_value(), "a wait that nothing ends ended");
}

void BasicMutex::release() {
    EXO_CHECK(owner_.load(std::memory_order_relaxed) == &this_thread(),
              "a mutex is released by who does not hold it");
    // seq_cst: the release is visible before the look at the queue; a waiter is in the queue before
    // its look at the owner.
    owner_.store(nullptr, std::memory_order_seq_cst);
    if (queue_.maybe_waiters()) queue_.wake_one();
}

}  // namespace exo
