// Level 1: the cache of one thread (programs) or one CPU (kernel). Per class a magazine to push to
// and pop from, and a spare, full or empty, so that a thread that goes to and fro at a magazine's
// edge stays off the shared levels. No atomic read-modify-write, no lock: whoever holds the Cache&
// is alone with it (a thread's own; a CPU's with preemption off).
//
// Freed objects are marked: their second word becomes secret ^ address, and zero again on
// allocation. An object that carries its mark when it is freed was freed before.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "lib/alloc/magazine.h"
#include "lib/alloc/page_map.h"
#include "lib/alloc/size_class.h"
#include "lib/base/atomic.h"

namespace exo::alloc {

class Heap;

/// Counted by the owner, read by whoever asks: relaxed loads and stores, never a locked operation.
class Counter {
  public:
    void add(std::uint64_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    Atomic<std::uint64_t> value_{0};
};

class Cache {
  public:
    /// A cache that has nothing and takes nothing, for a thread that has none yet.
    constexpr Cache() = default;
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    /// An object for `size` bytes, aligned to 16; nullptr: not from here, ask Heap::allocate_slow.
    [[nodiscard, gnu::always_inline]] void* pop(std::size_t size) {
        const std::size_t last = size - 1;  // 0 wraps round and is left to the slow path
        if (last < kSmallMax) [[likely]] {
            return pop_class(static_cast<ClassId>(last >> 4) + 1);
        }
        if (last < kSlabMax) return pop_class(medium_class(last));
        return nullptr;
    }

    [[nodiscard, gnu::always_inline]] void* pop_class(ClassId id) {
        void** top = top_[id].load(std::memory_order_relaxed);
        if (top == base_[id].load(std::memory_order_relaxed)) [[unlikely]]
            return nullptr;
        void* object = *--top;
        top_[id].store(top, std::memory_order_relaxed);
        hits_[id].add(1);
        static_cast<std::uint64_t*>(object)[1] = 0;
        // The object that comes next may be dirty in another core's cache: 7 % of larson's time.
        prefetch_for_write(top[-1]);
        return object;
    }

    /// Takes `p` back. False: not here, ask Heap::free_slow, which finds out why.
    [[nodiscard, gnu::always_inline]] bool push(void* p) {
        const auto address = reinterpret_cast<std::uintptr_t>(p);
        // Rotated, an address that is not aligned to 16 is as far out as one of another heap.
        if (std::rotr(address - region_base_, 4) >= granule_count_) [[unlikely]]
            return false;
        return push_class(classes_by_address_[address >> kPageShift], p);
    }

    /// push() of an object whose class is known. Classes 0 and kLargeClass are always full.
    [[nodiscard, gnu::always_inline]] bool push_class(ClassId id, void* p) {
        void** top = top_[id].load(std::memory_order_relaxed);
        if (top == limit_[id]) [[unlikely]]
            return false;
        const std::uint64_t mark = secret_ ^ reinterpret_cast<std::uintptr_t>(p);
        auto* words = static_cast<std::uint64_t*>(p);
        if (words[1] == mark) [[unlikely]]
            return false;
        words[1] = mark;
        *top = p;
        top_[id].store(top + 1, std::memory_order_relaxed);
        return true;
    }

  private:
    friend class Heap;

    /// What only the slow path needs.
    struct Spare {
        Magazine* magazine = nullptr;
        std::uint8_t refill = 0;  ///< objects to fetch from the slabs next time
        Atomic<bool> full{false};
    };

    template <typename T>
    using ByClass = std::array<T, kLargeClass + 1>;

    std::uintptr_t region_base_ = 0;
    std::size_t granule_count_ = 0;                     ///< multiples of 16 bytes in the region
    const std::uint8_t* classes_by_address_ = nullptr;  ///< PageMap::classes - region_base_ / page
    std::uint64_t secret_ = 0;
    // Arrays and not an array of bins: an element of 8 bytes is addressed without a shift, and the
    // way from a freed address to its top_ is what the time of free() is made of.
    ByClass<Atomic<void**>> top_ = {};   ///< above the newest object
    ByClass<void**> limit_ = {};         ///< top here: full
    ByClass<Atomic<void**>> base_ = {};  ///< top here: empty
    ByClass<Counter> hits_ = {};         ///< pops
    std::array<Spare, kClassCount + 1> spares_ = {};
    Counter thread_hits_;    ///< slow paths served by the spare magazine
    Counter slab_hits_;      ///< by the depot or by slabs there were
    Counter buddy_calls_;    ///< by the buddy level: new slabs and page runs
    Cache* next_ = nullptr;  ///< in the heap's registry
    Cache* prev_ = nullptr;
};

}  // namespace exo::alloc
