// Where a heap's memory comes from: one contiguous, reserved range of addresses, and what may be
// done to its pages. A program gives mmap(2) (lib/alloc/host/mmap_source.h), the kernel a part of
// its direct map, a test a range that ends early.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::alloc {

struct Source {
    /// The range, page-aligned. Nothing in it is touched before it is committed.
    std::byte* base = nullptr;
    std::size_t bytes = 0;

    /// Seed of the keys that mark freed objects: unpredictable to who may write to the heap.
    std::uint64_t secret = 0;

    /// Passed to the calls below. All sizes and addresses are multiples of the page. Commits come
    /// one at a time for a range, with allocator locks held; decommit and move come from several
    /// threads at once, for ranges that nobody else uses. None may allocate from this heap.
    void* context = nullptr;

    /// Makes pages usable. False: no memory, nothing changed. nullptr: they always are.
    bool (*commit)(void* context, std::byte* at, std::size_t bytes) = nullptr;

    /// Gives the memory of committed pages back; they stay usable and read as zero. nullptr:
    /// impossible, the heap keeps what it has.
    void (*decommit)(void* context, std::byte* at, std::size_t bytes) = nullptr;

    /// Moves the contents of committed pages by page table instead of by copy; `from` reads as zero
    /// afterwards. False: not done, copy. nullptr: impossible.
    bool (*move)(void* context, std::byte* from, std::byte* to, std::size_t bytes) = nullptr;

    /// Pages read as zero when first committed.
    bool zeroed = false;

    /// For a range with holes, which has no commit and decommit: Heap::record_bytes() of writable
    /// memory for the heap's tables, aligned to a page, anywhere above `base`. The heap then owns
    /// nothing of the range but what Heap::add() gives it. nullptr: the range is whole, and the
    /// tables take its bottom.
    std::byte* records = nullptr;
};

}  // namespace exo::alloc
