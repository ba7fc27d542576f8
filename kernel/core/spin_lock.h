// Spinning locks with a rank (style: rank, irq-in-type). SpinLock leaves interrupts as they are and
// must not be taken by interrupt handlers; IrqSpinLock turns them off while it is held. Nothing
// sleeps under either. Waiters have no order: the next one may be a CPU that a hypervisor does not
// run just now, and all behind it would wait for it.
#pragma once

#include <cstdint>

#include "kernel/arch/interrupts.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/lock_order.h"
#include "lib/base/atomic.h"
#include "lib/base/cpu.h"
#include "lib/base/thread_safety.h"

namespace exo {

class EXO_CAPABILITY("spin lock") BasicSpinLock {
  public:
    constexpr BasicSpinLock(LockRank rank, LockContext context) : rank_(rank), context_(context) {}
    BasicSpinLock(const BasicSpinLock&) = delete;
    BasicSpinLock& operator=(const BasicSpinLock&) = delete;

    void acquire() ACQUIRE() {
        lock_order_check(this, rank_.load(std::memory_order_relaxed), context_);
        while (held_.exchange(true, std::memory_order_acquire)) wait_until_free();
        lock_order_push(this, rank_.load(std::memory_order_relaxed), context_);
    }

    void release() RELEASE() {
        lock_order_pop(this);
        held_.store(false, std::memory_order_release);
    }

    /// Takes it only if it is free: for who must not wait.
    [[nodiscard]] bool try_acquire() TRY_ACQUIRE(true) {
        if (held_.exchange(true, std::memory_order_acquire)) return false;
        lock_order_push(this, rank_.load(std::memory_order_relaxed), context_);
        return true;
    }

  protected:
    /// While nobody holds it whose order depends on it.
    void change_rank(LockRank rank) { rank_.store(rank, std::memory_order_relaxed); }

  private:
    /// By reads, which leave the line with whoever holds the lock.
    void wait_until_free() const {
        while (held_.load(std::memory_order_relaxed)) cpu_relax();
    }

    Atomic<bool> held_{false};
    Atomic<LockRank> rank_;
    LockContext context_;
};

template <LockRank kRank>
class SpinLock : public BasicSpinLock {
  public:
    struct Saved {};
    constexpr SpinLock() : BasicSpinLock(kRank, LockContext::kThread) {}
    static Saved enter() { return {}; }
    static void leave(Saved) {}
};

template <LockRank kRank>
class IrqSpinLock : public BasicSpinLock {
  public:
    using Saved = arch::InterruptState;
    constexpr IrqSpinLock() : BasicSpinLock(kRank, LockContext::kInterrupt) {}
    static Saved enter() { return arch::disable_interrupts(); }
    static void leave(Saved saved) { arch::restore_interrupts(saved); }
};

/// One whose rank may change, for what nests in itself (ready_set.h); kWaitQueue at first.
class NestingIrqSpinLock : public BasicSpinLock {
  public:
    using Saved = arch::InterruptState;
    constexpr NestingIrqSpinLock() : BasicSpinLock(LockRank::kWaitQueue, LockContext::kInterrupt) {}
    static Saved enter() { return arch::disable_interrupts(); }
    static void leave(Saved saved) { arch::restore_interrupts(saved); }
    using BasicSpinLock::change_rank;
};

/// Holds a SpinLock that guards several members (style: annotate).
class EXO_SCOPED_CAPABILITY SpinGuard {
  public:
    explicit SpinGuard(BasicSpinLock& lock) ACQUIRE(lock) : lock_(lock) { lock_.acquire(); }
    ~SpinGuard() RELEASE() { lock_.release(); }
    SpinGuard(const SpinGuard&) = delete;
    SpinGuard& operator=(const SpinGuard&) = delete;

  private:
    BasicSpinLock& lock_;
};

/// Data that can be reached only while its lock is held (style: lock-holds-data):
///   Locked<State, IrqSpinLock<LockRank::kLog>> state_;   auto s = state_.lock();   s->count++;
template <typename T, typename LockType>
class Locked {
  public:
    template <typename... Arguments>
    explicit constexpr Locked(Arguments&&... arguments)
        : value_(static_cast<Arguments&&>(arguments)...) {}

    class [[nodiscard]] Access {
      public:
        explicit Access(Locked& owner) NO_THREAD_SAFETY_ANALYSIS : owner_(owner),
                                                                   saved_(LockType::enter()) {
            owner_.lock_.acquire();
        }
        ~Access() NO_THREAD_SAFETY_ANALYSIS {
            owner_.lock_.release();
            LockType::leave(saved_);
        }
        Access(const Access&) = delete;
        Access& operator=(const Access&) = delete;

        T* operator->() { return &owner_.value_; }
        T& operator*() { return owner_.value_; }

      private:
        Locked& owner_;
        [[no_unique_address]] typename LockType::Saved saved_;
    };

    Access lock() { return Access(*this); }

    /// Without the lock, for who can say why nobody else changes it: it is not published yet, or
    /// another lock keeps it still.
    T& unlocked() { return value_; }

    /// Of a lock whose rank may change.
    void change_rank(LockRank rank)
        requires requires(LockType& lock) { lock.change_rank(rank); }
    {
        lock_.change_rank(rank);
    }

  private:
    LockType lock_;
    T value_;
};

}  // namespace exo
