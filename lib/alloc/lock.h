// The lock of every shared level: one word, one atomic operation each way when nobody waits.
// Waiting is the linker's choice (port.h). After "Futexes Are Tricky" (Drepper, 2011), mutex 3.
//
// Lock order in lib/alloc: Heap::registry_lock_ > Depot > SlabClass > Buddy > MetaArena. Only
// Heap::lock_all holds more than two.
#pragma once

#include <cstdint>

#include "lib/alloc/port.h"
#include "lib/base/atomic.h"
#include "lib/base/thread_safety.h"

namespace exo::alloc {

class EXO_CAPABILITY("mutex") Lock {
  public:
    constexpr Lock() = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    void lock() ACQUIRE() {
        std::uint32_t expected = kFree;
        // acquire: sees what the last holder wrote before its release in unlock().
        if (!word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,
                                           std::memory_order_relaxed)) [[unlikely]] {
            lock_contended();
        }
    }

    void unlock() RELEASE() {
        if (word_.exchange(kFree, std::memory_order_release) == kContended) [[unlikely]] {
            port::lock_wake(word_);
        }
    }

  private:
    enum State : std::uint32_t { kFree, kHeld, kContended };

    void lock_contended();

    Atomic<std::uint32_t> word_{kFree};
};

class EXO_SCOPED_CAPABILITY Guard {
  public:
    explicit Guard(Lock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
    ~Guard() RELEASE() { lock_.unlock(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

  private:
    Lock& lock_;
};

}  // namespace exo::alloc
