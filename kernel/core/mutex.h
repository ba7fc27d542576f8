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

/// One writer or many readers; a waiting writer holds new readers off.
class EXO_CAPABILITY("rw mutex") BasicRwMutex {
  public:
    BasicRwMutex() = default;

    void acquire_read() __attribute__((acquire_shared_capability()));
    void release_read() __attribute__((release_shared_capability()));
    void acquire_write() ACQUIRE();
    void release_write() RELEASE();

  private:
    // kWriter: held by one. Else the number of readers.
    static constexpr std::uint32_t kWriter = ~std::uint32_t{0};
    Atomic<std::uint32_t> state_{0};
    Atomic<std::uint32_t> waiting_writers_{0};
    WaitQueue queue_;
};

template <LockRank kRank>
class RwMutex : public BasicRwMutex {};

class EXO_SCOPED_CAPABILITY ReadGuard {
  public:
    explicit ReadGuard(BasicRwMutex& mutex) __attribute__((acquire_shared_capability(mutex)))
        : mutex_(mutex) {
        mutex_.acquire_read();
    }
    ~ReadGuard() __attribute__((release_generic_capability)) { mutex_.release_read(); }
    ReadGuard(const ReadGuard&) = delete;
    ReadGuard& operator=(const ReadGuard&) = delete;

  private:
    BasicRwMutex& mutex_;
};

class EXO_SCOPED_CAPABILITY WriteGuard {
  public:
    explicit WriteGuard(BasicRwMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) {
        mutex_.acquire_write();
    }
    ~WriteGuard() RELEASE() { mutex_.release_write(); }
    WriteGuard(const WriteGuard&) = delete;
    WriteGuard& operator=(const WriteGuard&) = delete;

  private:
    BasicRwMutex& mutex_;
};

}  // namespace exo
