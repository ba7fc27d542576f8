// Priority inheritance as a graph: threads own locks, threads wait for locks. An owner is lent the
// urgency of the best that waits for any of its locks, that of who waits for those included, along
// the whole chain. Knows of no words, tasks or CPUs; whoever uses it holds one lock over all of it,
// so that a chain is walked, and a deadlock found, as it is at one moment.
#pragma once

#include "lib/base/list.h"
#include "lib/base/result.h"
#include "lib/sched/standing.h"

namespace exo::posix {

class PiThread;
class PiLock;

/// A thread's wait for a lock, for as long as it waits: made anew each time.
class PiWaiter {
  public:
    explicit PiWaiter(PiThread& thread) : thread_(thread) {}
    PiWaiter(const PiWaiter&) = delete;
    PiWaiter& operator=(const PiWaiter&) = delete;

    [[nodiscard]] PiThread& thread() const { return thread_; }
    /// nullptr: it does not wait, or the lock was handed over to it.
    [[nodiscard]] PiLock* lock() const { return lock_; }

  private:
    friend class PiThread;
    friend class PiLock;
    ListLink link_;
    PiThread& thread_;
    PiLock* lock_ = nullptr;
    sched::Urgency urgency_;  ///< by which it stands in its lock's list
};

/// A lock that somebody waits for, or did.
class PiLock {
  public:
    PiLock() = default;
    PiLock(const PiLock&) = delete;
    PiLock& operator=(const PiLock&) = delete;

    [[nodiscard]] PiThread* owner() const { return owner_; }
    /// The most urgent; of several, who came first. nullptr: nobody waits.
    [[nodiscard]] PiWaiter* first() { return waiters_.front(); }

    /// Of a lock without an owner.
    void set_owner(PiThread& owner);
    /// The owner gives it up, and the first waiter, which is returned, owns it and waits no more;
    /// nullptr: nobody waited.
    PiWaiter* hand_over();

    /// Waits for this lock, which has an owner. DEADLK: it belongs, at the end of a chain of waits,
    /// to the waiter's own thread, or the chain is longer than kMaxChain.
    Result<void> add(PiWaiter& waiter);
    /// Gives up a wait for this lock.
    void remove(PiWaiter& waiter);

    /// Linux's max_lock_depth.
    static constexpr unsigned kMaxChain = 1024;

  private:
    friend class PiThread;
    using Waiters = List<PiWaiter, &PiWaiter::link_>;
    void insert(PiWaiter& waiter);
    void take_out(PiWaiter& waiter);

    ListLink held_link_;
    PiThread* owner_ = nullptr;
    Waiters waiters_;
};

/// What the graph knows of a thread.
class PiThread {
  public:
    PiThread(const PiThread&) = delete;
    PiThread& operator=(const PiThread&) = delete;

    /// One of the locks that it owns; nullptr: none.
    [[nodiscard]] PiLock* first_owned() { return owned_.front(); }

    /// Its own urgency has changed.
    void reorder();

  protected:
    PiThread() = default;
    ~PiThread() = default;

    /// From now on it runs at least as urgently as that; how urgent it is then.
    virtual sched::Urgency lend(sched::Urgency urgency) = 0;

  private:
    friend class PiLock;
    using Owned = List<PiLock, &PiLock::held_link_>;
    [[nodiscard]] sched::Urgency due();
    /// Lends it what it is due and carries the change on along the chain.
    void spread();
    [[nodiscard]] PiThread* pass_on(sched::Urgency urgency);

    Owned owned_;
    PiWaiter* wait_ = nullptr;
    sched::Urgency lent_;
};

}  // namespace exo::posix
