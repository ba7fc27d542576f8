// What is known of each page of a heap, in two flat tables beside the heap, indexed by the page's
// number: a byte that says how to free a pointer into it, and the buddy's or slab level's record.
// Nothing here is reachable by overflowing an object.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/alloc/size_class.h"

namespace exo::alloc {

using PageIndex = std::uint32_t;
inline constexpr PageIndex kNoPage = ~PageIndex{0};

enum class PageState : std::uint8_t {
    kInside,  ///< not the first page of anything, or never used
    kRun,     ///< first page of an allocated run
    kDirty,   ///< first page of a free block that may hold old contents and memory
    kClean,   ///< first page of a free block that reads as zero and holds no memory
};

/// State, order, next and prev are the buddy's, under its lock. `owner` is its holder's: of a run
/// its pages, in the first one; of a slab its record's unit, in every page.
struct PageInfo {
    union {
        PageIndex next;  ///< of a free block, in the buddy's list
        std::uint32_t owner;
    };
    PageIndex prev;
    PageState state;
    std::uint8_t order;  ///< of a free block: log2 of its pages
};
static_assert(sizeof(PageInfo) == 12);

struct PageMap {
    std::byte* base = nullptr;        ///< of page 0
    PageIndex count = 0;              ///< pages in the range, committed or not
    std::uint8_t* classes = nullptr;  ///< ClassId: of a slab's every page, of a run's first; else 0
    PageInfo* info = nullptr;         ///< valid for committed pages only

    [[nodiscard]] std::byte* address(PageIndex page) const {
        return base + std::size_t{page} * kPageBytes;
    }

    /// The page of `p`; kNoPage when `p` is not in this range.
    [[nodiscard]] PageIndex page_of(const void* p) const {
        const std::size_t offset =
            reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(base);
        const std::size_t page = offset >> kPageShift;
        return page < count ? static_cast<PageIndex>(page) : kNoPage;
    }
};

}  // namespace exo::alloc
