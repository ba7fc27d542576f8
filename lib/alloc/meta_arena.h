// Memory for the heap's own records (slab records, magazines, caches), apart from all user memory:
// a range filled from the bottom, and free lists for the sizes that come and go. Over a source with
// holes it has no range of its own, and takes chunks of pages from the buddy level. It never
// shrinks; it is bounded by the most slabs and magazines that were ever in use at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/alloc/lock.h"
#include "lib/alloc/source.h"

namespace exo::alloc {

class Buddy;

class MetaArena {
  public:
    /// Records are a multiple of this, aligned to it; a record's number counts in it from the base.
    static constexpr std::size_t kUnit = 64;
    /// Records of up to this many bytes can be freed.
    static constexpr std::size_t kMaxReusable = 512;

    /// `[base, base + bytes)` is the arena, reserved in `source`, of which `used` bytes from the
    /// bottom are committed and taken. All are multiples of the page. Numbers of records count from
    /// `source.base`. `pages`: where more comes from when the arena is full; nullptr: nowhere.
    MetaArena(const Source& source, std::byte* base, std::size_t bytes, std::size_t used,
              Buddy* pages)
        : source_(source),
          pages_(pages),
          limit_(base + bytes),
          next_(base + used),
          committed_(base + used),
          committed_bytes_(used) {}

    /// A record of at least `bytes`, aligned to kUnit, contents undefined; nullptr: no memory.
    [[nodiscard]] void* allocate(std::size_t bytes) EXCLUDES(lock_);

    /// Takes back what allocate(bytes) gave; `bytes` is at most kMaxReusable.
    void free(void* record, std::size_t bytes) EXCLUDES(lock_);

    [[nodiscard]] std::uint32_t unit_of(const void* record) const {
        return static_cast<std::uint32_t>((static_cast<const std::byte*>(record) - source_.base) /
                                          static_cast<std::ptrdiff_t>(kUnit));
    }
    [[nodiscard]] void* record(std::uint32_t unit) const { return source_.base + unit * kUnit; }

    /// Bytes committed so far.
    [[nodiscard]] std::size_t committed() EXCLUDES(lock_);

    [[nodiscard]] Lock& lock() { return lock_; }

  private:
    struct FreeRecord {
        FreeRecord* next;
    };

    [[nodiscard]] void* take(std::size_t size) REQUIRES(lock_);
    bool commit_for(std::size_t bytes) REQUIRES(lock_);
    [[nodiscard]] void* take_from_new_chunk(std::size_t size) EXCLUDES(lock_);
    void recycle_rest() REQUIRES(lock_);

    const Source& source_;
    Buddy* const pages_;
    Lock lock_;
    std::byte* limit_ GUARDED_BY(lock_);
    std::byte* next_ GUARDED_BY(lock_);
    std::byte* committed_ GUARDED_BY(lock_);
    std::size_t committed_bytes_ GUARDED_BY(lock_);
    std::array<FreeRecord*, kMaxReusable / kUnit + 1> free_ GUARDED_BY(lock_) = {};
};

}  // namespace exo::alloc
