// Locks that sleep, ranked above all spin locks: never taken under one, which might_sleep() checks.
// Their order among each other is that of LockRank.
#pragma once

#include "kernel/core/lock_rank.h"
#include "kernel/core/wait_queue.h"

namespace exo {

class EXO_CAPABILITY("mutex") BasicMutex {
  public:
    BasicMutex() = default;

    /// Sleeps, not interruptibly, until it is free.
    void acquire() ACQUIRE();
    [[nodiscard]] bool try_acquire() TRY_ACQUIRE(true);
    void release() RELEASE();

  private:
    [[nodiscard]] bool spin_for_owner() TRY_ACQUIRE(true);

    Atomic<Thread*> owner_{nullptr};
    WaitQueue queue_;
};

class EXO_SCOPED_CAPABILITY MutexGuard {
  public:
    explicit MutexGuard(BasicMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.acquire(); }
    ~MutexGuard() RELEASE() { mutex_.release(); }
    MutexGuard(const MutexGuard&) = delete;
    MutexGuard& operator=(const MutexGuard&) = delete;

  private:
    BasicMutex& mutex_;
};

/// For Locked<T, Mutex<rank>> (spin_lock.h).
template <LockRank kRank>
class Mutex : public BasicMutex {
  public:
    struct Saved {};
    static Saved enter() { return {}; }
    static void leave(Saved) {}
};

}  // namespace exo
