// The heap: three levels over one Source. This is the kernel's interface, and what libexo_alloc.so
// (lib/alloc/host) is made of. Every call but the uncached ones takes the caller's Cache, which it
// must hold alone for the call: a thread's own, or a CPU's with preemption off. No call sleeps
// beyond its locks and what the Source does. Misuse that is noticed (double and invalid frees,
// damage) ends in corruption(); lack of memory is nullptr or Errno::NOMEM.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/alloc/buddy.h"
#include "lib/alloc/cache.h"
#include "lib/alloc/magazine.h"
#include "lib/alloc/meta_arena.h"
#include "lib/alloc/slab.h"
#include "lib/alloc/source.h"
#include "lib/base/result.h"

namespace exo::alloc {

struct HeapStats {
    // Allocations by the level that served them.
    std::uint64_t thread_hits;
    std::uint64_t slab_hits;
    std::uint64_t buddy_calls;

    std::size_t live_bytes;    ///< objects with their users, by class size; runs by pages
    std::size_t cached_bytes;  ///< objects in magazines
    std::size_t slab_bytes;    ///< pages of slabs
    std::size_t run_bytes;     ///< pages of runs
    std::size_t dirty_bytes;   ///< free pages that hold memory
    std::size_t meta_bytes;    ///< records and tables
    std::size_t mapped_bytes;  ///< committed, with or without memory behind it

    /// Memory the heap holds: used pages count whole, touched or not.
    [[nodiscard]] std::size_t held_bytes() const {
        return slab_bytes + run_bytes + dirty_bytes + meta_bytes;
    }
};

class Heap {
  public:
    /// A heap over all of `source`, its own records included. INVAL: misaligned, too small for the
    /// records (some 200 KiB), or with holes and commit; NOMEM: the source does not commit.
    [[nodiscard]] static Result<Heap*> create(const Source& source);

    /// What Source::records must point to for a range of `bytes`.
    [[nodiscard]] static std::size_t record_bytes(std::size_t bytes);
    /// Gives a heap over a range with holes `bytes` of it at `at`, whole pages that it never had.
    void add(std::byte* at, std::size_t bytes);

    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;

    /// NOMEM only. The caller gives it back by destroy_cache.
    [[nodiscard]] Result<Cache*> create_cache() EXCLUDES(registry_lock_);
    /// Returns the cache's objects to their slabs. Never the cache in use by somebody else.
    void destroy_cache(Cache& cache) EXCLUDES(registry_lock_);

    /// `size` bytes aligned to 16; size 0 counts as 1. nullptr: no memory. Contents undefined.
    [[nodiscard]] void* allocate(Cache& cache, std::size_t size) {
        if (void* p = cache.pop(size)) [[likely]]
            return p;
        return allocate_slow(cache, size);
    }
    /// The same, for NOMEM in a Result, and any alignment that is a power of two, else INVAL.
    [[nodiscard]] Result<void*> allocate_aligned(Cache& cache, std::size_t size,
                                                 std::size_t alignment);
    /// The same as allocate(), all bytes zero.
    [[nodiscard]] void* allocate_zeroed(Cache& cache, std::size_t size);

    /// Returns `p`, which any thread or CPU allocated here; nullptr does nothing.
    void free(Cache& cache, void* p) {
        if (!cache.push(p)) [[unlikely]]
            free_slow(cache, p);
    }
    /// free() of what was asked for with `size` bytes and no alignment: a wrong size ends the
    /// program.
    void free_sized(Cache& cache, void* p, std::size_t size);

    /// `p` with room for `size` bytes, in place where possible, else moved; nullptr: no memory, `p`
    /// stays. Size 0 counts as 1.
    [[nodiscard]] void* reallocate(Cache& cache, void* p, std::size_t size);

    /// Bytes that may be used at `p`; ends the program if `p` is not allocated here.
    [[nodiscard]] std::size_t usable_size(const void* p) const;
    [[nodiscard]] bool owns(const void* p) const { return map_.page_of(p) != kNoPage; }

    /// For callers without a cache (early start, late end): straight from slabs and pages.
    [[nodiscard]] void* allocate_uncached(std::size_t size);
    void free_uncached(void* p);

    /// Where pop() and push() do not help. Any size.
    [[nodiscard]] void* allocate_slow(Cache& cache, std::size_t size);
    void free_slow(Cache& cache, void* p);

    /// Gives back what `cache` (may be nullptr) and the depots hold, and free pages beyond
    /// `keep_bytes`. True: memory went back to the source.
    bool trim(Cache* cache, std::size_t keep_bytes);

    [[nodiscard]] HeapStats stats() EXCLUDES(registry_lock_);

    /// Holds every lock of this heap, for fork(2): the child's copy is then consistent.
    void lock_all();
    void unlock_all();

    /// The levels, for tests and measurements.
    [[nodiscard]] Buddy& buddy() { return buddy_; }
    [[nodiscard]] SlabClass& slabs(ClassId id) { return slabs_[id - 1]; }
    [[nodiscard]] Depot& depot(ClassId id) { return depots_[id - 1]; }
    [[nodiscard]] const Backing& backing() const { return backing_; }

  private:
    struct Layout;
    struct Allocated {
        void* p;
        bool zeroed;
    };

    Heap(const Source& source, const Layout& layout);

    [[nodiscard]] Allocated allocate_run(std::size_t size, std::size_t alignment);
    void free_run(PageIndex page, const void* p);
    [[nodiscard]] void* resize_run(Cache& cache, void* p, std::size_t size);
    [[nodiscard]] void* move_run(PageIndex from, std::uint32_t pages, std::size_t size);
    [[nodiscard]] void* refill(Cache& cache, ClassId id);
    [[nodiscard]] bool make_room(Cache& cache, ClassId id);
    [[nodiscard]] Magazine* new_magazine(ClassId id);
    void load(Cache& cache, ClassId id, Magazine* magazine, unsigned count);
    void flush(Cache& cache, ClassId id);
    void flush_depot(ClassId id);
    [[nodiscard]] ClassId checked_class(const void* p, const char* what) const;
    void check_mark(const void* p, ClassId id, const char* what) const;

    Source source_;
    PageMap map_;
    MetaArena arena_;
    Buddy buddy_;
    Backing backing_;
    SlabClass* slabs_;  ///< by ClassId - 1
    Depot* depots_;

    Lock registry_lock_;
    Cache* caches_ GUARDED_BY(registry_lock_) = nullptr;
    Cache* unused_caches_ GUARDED_BY(registry_lock_) = nullptr;
    HeapStats retired_ GUARDED_BY(registry_lock_) = {};  ///< counters of destroyed caches
    Atomic<std::size_t> run_pages_{0};
};

}  // namespace exo::alloc
