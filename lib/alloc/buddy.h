// Level 3: runs of 4 KiB pages. A binary buddy system (Knuth, TAOCP vol. 1, 2.5) with all its state
// in the page map. A run has any number of pages: the unused tail of its block is free again at
// once. Free blocks are dirty (hold old contents, and memory) or clean (read as zero, hold none)
// and merge only with their like, so that giving memory back never waits for a neighbour. When
// dirty pages exceed a share of those in use, the largest dirty blocks are decommitted: to half of
// that share, so that a program that frees and allocates at the edge does not call the source each
// time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/alloc/lock.h"
#include "lib/alloc/page_map.h"
#include "lib/alloc/source.h"

namespace exo::alloc {

class Buddy {
  public:
    struct Run {
        PageIndex page;
        bool zeroed;  ///< reads as zero
    };

    struct Usage {
        std::size_t committed_pages;
        std::size_t used_pages;
        std::size_t dirty_pages;  ///< free, but holding memory
    };

    /// Over a source with holes all of the page map is there from the start, and no page is free.
    Buddy(const Source& source, PageMap& map)
        : source_(source), map_(map), frontier_(source.records != nullptr ? map.count : 0) {
        for (auto& lists : free_) lists.fill(kNoPage);
    }

    /// Gives this level `pages` pages from `page` on, which it never had.
    void add(PageIndex page, std::uint32_t pages) EXCLUDES(lock_);

    /// `pages` (not 0) adjacent pages, the first a multiple of 2^align_order; none: no memory.
    [[nodiscard]] std::optional<Run> allocate(std::uint32_t pages, unsigned align_order = 0)
        EXCLUDES(lock_);

    /// Takes back `pages` pages from `page` on: a whole run or the end of one. `zeroed`: they read
    /// as zero and hold no memory.
    void free(PageIndex page, std::uint32_t pages, bool zeroed = false) EXCLUDES(lock_);

    /// Takes back all of the run of `pages` pages at `page` but the `kept` ones at `first_kept`.
    void cut(PageIndex page, std::uint32_t pages, PageIndex first_kept, std::uint32_t kept)
        EXCLUDES(lock_);

    /// Makes the run of `pages` pages at `page` one of `wanted` pages where it stands. False: what
    /// follows it is in use. New pages' contents are undefined.
    [[nodiscard]] bool resize(PageIndex page, std::uint32_t pages, std::uint32_t wanted)
        EXCLUDES(lock_);

    /// Decommits free memory until at most `keep_pages` dirty ones are left.
    void purge(std::size_t keep_pages) EXCLUDES(lock_);

    [[nodiscard]] Usage usage() EXCLUDES(lock_);

    [[nodiscard]] std::byte* address(PageIndex page) const { return map_.address(page); }

    [[nodiscard]] Lock& lock() { return lock_; }

  private:
    static constexpr unsigned kOrders = 32;
    enum Kind : unsigned { kDirtyList, kCleanList, kKinds };

    static PageState state_of(Kind kind) {
        return kind == kDirtyList ? PageState::kDirty : PageState::kClean;
    }

    void link(PageIndex page, unsigned order, Kind kind) REQUIRES(lock_);
    void unlink(PageIndex page) REQUIRES(lock_);
    void insert_block(PageIndex page, unsigned order, Kind kind) REQUIRES(lock_);
    void insert_range(PageIndex page, std::uint32_t pages, Kind kind) REQUIRES(lock_);
    [[nodiscard]] std::optional<Run> take(std::uint32_t pages, unsigned order) REQUIRES(lock_);
    [[nodiscard]] std::optional<Run> take_fresh(std::uint32_t pages, unsigned order)
        REQUIRES(lock_);
    [[nodiscard]] bool take_range(PageIndex page, std::uint32_t pages) REQUIRES(lock_);
    void start_run(PageIndex page, std::uint32_t pages) REQUIRES(lock_);
    [[nodiscard]] bool extend(std::size_t end) REQUIRES(lock_);
    [[nodiscard]] bool commit_pages(std::size_t end) REQUIRES(lock_);
    [[nodiscard]] std::size_t dirty_limit() const REQUIRES(lock_);
    /// What memory of the source's never used is: clean, if it is zero and can be made so again.
    [[nodiscard]] Kind fresh_kind() const {
        return source_.zeroed && source_.decommit != nullptr ? kCleanList : kDirtyList;
    }

    const Source& source_;
    PageMap& map_;
    Lock lock_;
    std::array<std::array<PageIndex, kOrders>, kKinds> free_ GUARDED_BY(lock_);
    std::array<std::uint32_t, kKinds> orders_ GUARDED_BY(lock_) = {};  ///< bit: list not empty
    PageIndex frontier_ GUARDED_BY(lock_);  ///< pages below are committed
    std::size_t used_pages_ GUARDED_BY(lock_) = 0;
    std::size_t dirty_pages_ GUARDED_BY(lock_) = 0;
};

}  // namespace exo::alloc
