// Level 2: slabs, runs of pages cut into objects of one class. A slab's record, with a bit for
// every object that is free, lies in the meta arena; the objects carry nothing. A class hands out
// objects of its fullest slab first, so that the emptiest run empty and return to the buddy level.
// After Bonwick, "The Slab Allocator" (USENIX 1994), without its in-band buffer tags.
#pragma once

#include <array>
#include <cstdint>

#include "lib/alloc/buddy.h"
#include "lib/alloc/lock.h"
#include "lib/alloc/meta_arena.h"
#include "lib/alloc/page_map.h"
#include "lib/alloc/size_class.h"
#include "lib/base/cpu.h"
#include "lib/base/list.h"

namespace exo::alloc {

struct Slab {
    ListLink link;  ///< in its class's bucket of partly used slabs; full slabs are in none
    PageIndex page;
    std::uint16_t free;
    std::uint8_t bucket;
    std::uint64_t free_bits[];  ///< ClassInfo::words of them; a bit: the object is free

    [[nodiscard]] static std::size_t bytes(const ClassInfo& info) {
        return sizeof(Slab) + info.words * sizeof(std::uint64_t);
    }
};

/// What the slabs of all classes stand on.
struct Backing {
    PageMap& map;
    Buddy& buddy;
    MetaArena& arena;
};

/// The slabs of one class. All calls are thread-safe and take this class's lock, and below it none:
/// pages and records are fetched and returned without it.
class alignas(kCacheLine) SlabClass {
  public:
    struct Taken {
        unsigned count;  ///< objects written
        bool new_slab;   ///< the buddy level was asked
    };

    explicit SlabClass(ClassId id) : id_(static_cast<std::uint8_t>(id)) {}

    /// Writes up to `wanted` objects to `out`, highest address first, so that a stack of them is
    /// popped upwards. 0: no memory.
    [[nodiscard]] Taken allocate(const Backing& backing, void** out, unsigned wanted)
        EXCLUDES(lock_);

    /// Takes back `count` objects of this class. Ends the program if one is none of a slab's
    /// objects, or free already.
    void free(const Backing& backing, void* const* objects, unsigned count) EXCLUDES(lock_);

    struct Usage {
        std::size_t slabs;
        std::size_t used;  ///< objects out of their slab: with the user, or in a magazine
    };
    [[nodiscard]] Usage usage() EXCLUDES(lock_);

    [[nodiscard]] Lock& lock() { return lock_; }

  private:
    using SlabList = List<Slab, &Slab::link>;

    [[nodiscard]] const ClassInfo& info() const { return kClasses[id_]; }
    unsigned take(const PageMap& map, void** out, unsigned wanted) REQUIRES(lock_);
    void put(const Backing& backing, void* object, Slab*& released) REQUIRES(lock_);
    void file(Slab& slab) REQUIRES(lock_);
    void remove(Slab& slab) REQUIRES(lock_);
    [[nodiscard]] Slab* create(const Backing& backing) const;
    void release(const Backing& backing, Slab* slab) const;

    Lock lock_;
    const std::uint8_t id_;
    std::uint8_t filled_ GUARDED_BY(lock_) = 0;  ///< bit: bucket has slabs; 0 is the fullest
    std::uint32_t slabs_ GUARDED_BY(lock_) = 0;
    std::uint32_t empty_ GUARDED_BY(lock_) = 0;  ///< slabs with no object out
    std::size_t used_ GUARDED_BY(lock_) = 0;
    std::array<SlabList, kFullnessBuckets> buckets_ GUARDED_BY(lock_);
};

}  // namespace exo::alloc
