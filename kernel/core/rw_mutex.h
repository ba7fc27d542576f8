// One writer or many readers; sleeps. Who finds it taken stands in a queue, and who leaves it hands
// it to the first there, or to the readers that are first, so that a release wakes only who has it
// then. Nobody passes those who wait.
#pragma once

#include "kernel/core/lock_rank.h"
#include "kernel/core/spin_lock.h"
#include "kernel/core/thread.h"
#include "lib/base/list.h"

namespace exo {

class EXO_CAPABILITY("rw mutex") BasicRwMutex {
  public:
    BasicRwMutex() = default;

    void acquire_read() __attribute__((acquire_shared_capability()));
    void release_read() __attribute__((release_shared_capability()));
    void acquire_write() ACQUIRE();
    void release_write() RELEASE();

  private:
    enum class Wants : std::uint8_t { kRead, kWrite };
    struct Waiter {
        Waiter(Thread& t, Wants w) : thread(t), wants(w) {}
        Thread& thread;
        const Wants wants;
        ListLink link;
        Atomic<bool> has_it{false};
    };
    using Waiters = List<Waiter, &Waiter::link>;

    bool try_acquire(Wants wants);
    bool take(Wants wants);
    void acquire_slowly(Wants wants);
    bool hand_over_one();
    void hand_over();

    // The bits, and below them the number of readers. While kWaiters is set, nobody takes the lock
    // but under the queue's lock.
    static constexpr std::uint32_t kWriter = 1u << 31, kWaiters = 1u << 30;
    static constexpr std::uint32_t kReaders = kWaiters - 1;
    Atomic<std::uint32_t> state_{0};
    Locked<Waiters, IrqSpinLock<LockRank::kWaitQueue>> waiters_;  // empty exactly without kWaiters
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
