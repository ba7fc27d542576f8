// Sleeping until something is so (style: wait): the one way to sleep in this kernel. Who changes
// the condition does so first and wakes then. Wake-ups come from any context.
//
//   Result<void> r = queue.wait([&] { return ready; }, Deadline::never());
//
// The predicate runs without the queue's lock and may take locks itself, but must not sleep.
#pragma once

#include "kernel/core/lock_rank.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/spin_lock.h"
#include "lib/base/list.h"

namespace exo {

class WaitQueue;

/// A place in a wait queue. Told under the queue's lock, interrupts off: short, no sleeping.
class Waiter {
  public:
    /// What a wake-up does: kOne of a wake_one() goes to the first waiter that says it took it.
    using Notify = bool (*)(Waiter& waiter, WakeHint hint);

    explicit Waiter(Notify notify) : notify_(notify) {}
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

  private:
    friend class WaitQueue;
    ListLink link_;
    WaitQueue* queue_ = nullptr;
    Notify notify_;
};

/// The waiter that wakes the thread which made it; may stand in a queue each time it sleeps.
class ThreadWaiter : public Waiter {
  public:
    ThreadWaiter() : Waiter(&wake_thread), thread_(this_thread()) {}

  private:
    static bool wake_thread(Waiter& waiter, WakeHint hint);
    Thread& thread_;
};

enum class Interruptible : std::uint8_t { kNo, kYes };

class WaitQueue {
  public:
    WaitQueue() = default;
    ~WaitQueue();
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;

    /// Sleeps until `predicate()` is true. TIMEDOUT: `deadline` passed first. RESTARTSYS:
    /// interrupted first. May sleep.
    template <typename Predicate>
    Result<void> wait(Predicate predicate, Deadline deadline = Deadline::never(),
                      Interruptible interruptible = Interruptible::kYes) {
        might_sleep();
        if (predicate()) return {};
        ThreadWaiter waiter;
        Result<void> result;
        add(waiter);
        for (;;) {
            prepare_sleep(interruptible == Interruptible::kYes ? ThreadState::kInterruptible
                                                               : ThreadState::kSleeping);
            if (predicate()) break;
            result = why_not_sleep(deadline, interruptible);
            if (!result) break;
            sleep_with_deadline(deadline);
        }
        cancel_sleep();
        remove(waiter);
        return result;
    }

    /// Wakes the first waiter, or all. False: nobody was woken.
    bool wake_one(WakeHint hint = WakeHint::kPlain);
    bool wake_all(WakeHint hint = WakeHint::kPlain);

    /// For who waits on several queues (poll, epoll): a waiter is in one queue at a time and stays
    /// until removed. add() puts it last. A watcher stands before those, so that wake_one() tells
    /// it too, and its notify says false: it takes nothing away from who is behind it.
    void add(Waiter& waiter);
    void add_watcher(Waiter& waiter);
    void remove(Waiter& waiter);

    /// Of a queue that is woken while other queues' locks are held (ready_set.h).
    void change_rank(LockRank rank) { waiters_.change_rank(rank); }

    /// A look without the lock: false is certain only for who published its change before.
    [[nodiscard]] bool maybe_waiters() const { return count_.load(std::memory_order_relaxed) != 0; }

  private:
    using Waiters = List<Waiter, &Waiter::link_>;

    enum class Position : std::uint8_t { kFirst, kLast };
    void insert(Waiter& waiter, Position position);
    static Result<void> why_not_sleep(Deadline deadline, Interruptible interruptible);
    static void sleep_with_deadline(Deadline deadline);

    Locked<Waiters, NestingIrqSpinLock> waiters_;
    Atomic<std::uint32_t> count_{0};
};

}  // namespace exo
