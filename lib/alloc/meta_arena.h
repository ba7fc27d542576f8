// Memory for the heap's own records (slab records, magazines, caches), apart from all user memory:
// a range filled from the bottom, and free lists for the sizes that come and go. It never shrinks;
// it is bounded by the most slabs and magazines that were ever in use at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/alloc/lock.h"
#include "lib/alloc/source.h"

namespace exo::alloc {

class MetaArena {
  public:
    /// Records are a multiple of this, aligned to it; a record's number counts in it from the base.
    static constexpr std::size_t kUnit = 64;
    /// Records of up to this many bytes can be freed.
    static constexpr std::size_t kMaxReusable = 512;

    /// `[base, base + bytes)` is the arena, reserved in `source`, of which `used` bytes from the
    /// bottom are committed and taken. All are multiples of the page.
    MetaArena(const Source& source, std::byte* base, std::size_t bytes, std::size_t used)
        : source_(source),
          base_(base),
          limit_(base + bytes),
          next_(base + used),
          committed_(base + used) {}

    /// A record of at least `bytes`, aligned to kUnit, contents undefined; nullptr: no memory.
    [[nodiscard]] void* allocate(std::size_t bytes) EXCLUDES(lock_);

    /// Takes back what allocate(bytes) gave; `bytes` is at most kMaxReusable.
    void free(void* record, std::size_t bytes) EXCLUDES(lock_);

    [[nodiscard]] std::uint32_t unit_of(const void* record) const {
        return static_cast<std::uint32_t>((static_cast<const std::byte*>(record) - base_) /
                                          static_cast<std::ptrdiff_t>(kUnit));
    }
    [[nodiscard]] void* record(std::uint32_t unit) const { return base_ + unit * kUnit; }

    /// Bytes committed so far.
    [[nodiscard]] std::size_t committed() EXCLUDES(lock_);

    [[nodiscard]] Lock& lock() { return lock_; }

  private:
    struct FreeRecord {
        FreeRecord* next;
    };

    bool commit_for(std::size_t bytes) REQUIRES(lock_);

    const Source& source_;
    std::byte* const base_;
    std::byte* const limit_;
    Lock lock_;
    std::byte* next_ GUARDED_BY(lock_);
    std::byte* committed_ GUARDED_BY(lock_);
    std::array<FreeRecord*, kMaxReusable / kUnit + 1> free_ GUARDED_BY(lock_) = {};
};

}  // namespace exo::alloc
