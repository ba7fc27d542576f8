// EventCount: how a side sleeps until the other has done something, without a system call by
// anybody who is awake. The word is shared memory; sleeping itself is a port: futex(2) on the host,
// a wait queue in the kernel.
//
//   sleeper                                 waker
//   key = prepare_wait();                   (publishes a message)
//   if (the ring has something)             notify();
//       cancel_wait(key);
//   else
//       wait(key);
//
// No wake-up is lost. The sleeper marks the word, passes a full fence, then looks at the ring; the
// waker publishes, passes a full fence, then looks at the word: one of them sees the other (store
// buffering, the one thing that needs the fences). A waker that sees the mark moves the epoch and
// clears the mark in one swap: a mark set before it has the old epoch as its key, so that wait()
// returns; one set after it stays for the next waker. A swap that fails lost to another waker, who
// wakes the same sleepers.
// A sleeper that dies leaves its mark: one wake-up too many, then it is forgotten. A waker that
// dies may have cleared marks and woken nobody: whoever learns of a death calls wake_all().
#pragma once

#include <cstdint>

#include "lib/base/atomic.h"
#include "lib/base/cpu.h"
#include "lib/ring/layout.h"

namespace exo::ring {

/// How many may sleep on one event count at once.
enum class Sleepers : std::uint8_t { kOne, kMany };

/// `Port` has two static functions: `wait(Atomic<std::uint32_t>& word, std::uint32_t expected)`,
/// which sleeps while the word is as expected and may return at any time, and `wake_all(word)`.
template <typename Port>
class EventCount {
  public:
    using Key = std::uint32_t;

    EventCount(Event& event, Sleepers sleepers) : word_(&event.word), sleepers_(sleepers) {}

    /// Announces that the caller may sleep. Then it looks at its ring once more.
    [[nodiscard]] Key prepare_wait() {
        const Key key = word_->fetch_or(kMark, std::memory_order_acq_rel) | kMark;
        full_fence();
        return key;
    }

    /// Takes the announcement back, if nobody else can have made the same one.
    void cancel_wait(Key key) {
        if (sleepers_ != Sleepers::kOne) return;
        word_->compare_exchange_strong(key, key & ~kMark, std::memory_order_relaxed,
                                       std::memory_order_relaxed);
    }

    /// Sleeps until a wake-up after prepare_wait(), or returns early for no reason.
    void wait(Key key) { Port::wait(*word_, key); }

    /// Wakes whoever sleeps, after the caller changed what they wait for. Awake sides cost a fence
    /// and a load.
    void notify() {
        full_fence();
        const std::uint32_t seen = word_->load(std::memory_order_relaxed);
        if ((seen & kMark) != 0) [[unlikely]]
            wake(seen);
    }

    /// Wakes all, whatever the word says: at close, and after a death on the other side.
    void wake_all() {
        word_->fetch_add(kEpoch, std::memory_order_acq_rel);
        Port::wake_all(*word_);
    }

  private:
    static constexpr std::uint32_t kMark = 1;
    static constexpr std::uint32_t kEpoch = 2;

    [[gnu::noinline]] void wake(std::uint32_t seen) {
        if (word_->compare_exchange_strong(seen, (seen & ~kMark) + kEpoch,
                                           std::memory_order_acq_rel, std::memory_order_relaxed)) {
            Port::wake_all(*word_);
        }
    }

    Atomic<std::uint32_t>* word_;
    Sleepers sleepers_;
};

}  // namespace exo::ring
