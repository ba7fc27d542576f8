// Magazines, fixed stacks of free objects of one class, and the depot through which caches exchange
// whole ones: a thread that only frees feeds one that only allocates with one lock operation for a
// magazine of objects. After Bonwick and Adams, "Magazines and Vmem" (USENIX 2001).
#pragma once

#include <cstdint>

#include "lib/alloc/lock.h"
#include "lib/base/cpu.h"

namespace exo::alloc {

/// Followed by its objects. How many are valid is known to whoever holds it: a depot's are full.
struct Magazine {
    Magazine* next;
    void* objects[];

    [[nodiscard]] static std::size_t bytes(unsigned capacity) {
        return sizeof(Magazine) + capacity * sizeof(void*);
    }
};

/// The full magazines of one class, a bounded number, and the empty ones they were exchanged for.
class alignas(kCacheLine) Depot {
  public:
    explicit Depot(std::uint32_t max_full) : max_full_(max_full) {}

    /// A full magazine in exchange for the empty one (or none); nullptr: there is none, and `empty`
    /// stays the caller's.
    [[nodiscard]] Magazine* exchange_empty(Magazine* empty) EXCLUDES(lock_) {
        // A look without the lock: a miss is as good a moment later.
        if (full_count_.load(std::memory_order_relaxed) == 0) return nullptr;
        const Guard guard(lock_);
        Magazine* magazine = full_;
        if (magazine == nullptr) return nullptr;
        full_ = magazine->next;
        full_count_.store(full_count_.load(std::memory_order_relaxed) - 1,
                          std::memory_order_relaxed);
        if (empty != nullptr) {
            empty->next = empty_;
            empty_ = empty;
        }
        return magazine;
    }

    struct Stored {
        bool accepted;
        Magazine* empty;  ///< nullptr: none in stock
    };

    /// Takes a full magazine, if there is room, and gives an empty one for it, if there is one.
    [[nodiscard]] Stored exchange_full(Magazine* full) EXCLUDES(lock_) {
        if (full_count_.load(std::memory_order_relaxed) >= max_full_) return {false, nullptr};
        const Guard guard(lock_);
        const std::uint32_t count = full_count_.load(std::memory_order_relaxed);
        if (count >= max_full_) return {false, nullptr};
        full->next = full_;
        full_ = full;
        full_count_.store(count + 1, std::memory_order_relaxed);
        Magazine* empty = empty_;
        if (empty != nullptr) empty_ = empty->next;
        return {true, empty};
    }

    /// Any empty magazine; nullptr: none.
    [[nodiscard]] Magazine* take_empty() EXCLUDES(lock_) {
        const Guard guard(lock_);
        Magazine* empty = empty_;
        if (empty != nullptr) empty_ = empty->next;
        return empty;
    }

    [[nodiscard]] std::uint32_t full_count() const {
        return full_count_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] Lock& lock() { return lock_; }

  private:
    const std::uint32_t max_full_;
    Lock lock_;
    Atomic<std::uint32_t> full_count_{0};  ///< written under the lock, read also without
    Magazine* full_ GUARDED_BY(lock_) = nullptr;
    Magazine* empty_ GUARDED_BY(lock_) = nullptr;
};

}  // namespace exo::alloc
