// Creation and the paths of single allocations; what concerns whole caches is in heap_caches.cpp.
#include "lib/alloc/heap.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "lib/alloc/corruption.h"
#include "lib/base/bits.h"

namespace exo::alloc {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Runs of this many bytes are worth a call to the source to move them.
constexpr std::size_t kMinMove = std::size_t{1} << 20;

/// Magazines a depot keeps: as many as hold 32 KiB of objects, 1 to 8.
std::uint32_t depot_capacity(const ClassInfo& info) {
    const std::uint32_t magazine_bytes = info.magazine * info.size;
    return std::clamp<std::uint32_t>(32 * 1024 / magazine_bytes, 1, 8);
}

std::uint32_t pages_for(std::size_t size) {
    return static_cast<std::uint32_t>((size + kPageBytes - 1) >> kPageShift);
}

}  // namespace

/// A source's range from the bottom: meta arena (this heap first in it), class table, page records,
/// pages. With holes, all but the pages lies elsewhere, and the arena is the head alone.
struct Heap::Layout {
    std::byte* tables;        ///< where the meta arena begins
    std::size_t head;         ///< bytes of the heap itself and its class arrays
    std::size_t arena;        ///< bytes of the meta arena, head included
    std::size_t class_table;  ///< bytes
    std::size_t info_table;   ///< bytes
    std::byte* pages;
    PageIndex count;

    /// The tables of a range of `bytes`.
    static Layout of_tables(std::size_t bytes) {
        Layout layout{};
        layout.head = align_up(
            align_up(sizeof(Heap), kCacheLine) + kClassCount * (sizeof(SlabClass) + sizeof(Depot)),
            kPageBytes);
        layout.arena = layout.head;
        layout.count =
            static_cast<PageIndex>(std::min<std::size_t>(bytes / kPageBytes, kNoPage - 1));
        layout.class_table = align_up(std::size_t{layout.count}, kPageBytes);
        layout.info_table = align_up(layout.count * sizeof(PageInfo), kPageBytes);
        return layout;
    }

    [[nodiscard]] std::size_t table_bytes() const { return arena + class_table + info_table; }

    static Result<Layout> of(const Source& source) {
        const auto base = reinterpret_cast<std::uintptr_t>(source.base);
        if (base % kPageBytes != 0 || source.bytes % kPageBytes != 0) return Errno::INVAL;
        Layout layout = of_tables(source.bytes);
        layout.tables = source.base;
        layout.pages = source.base;
        if (source.records != nullptr) {
            const auto records = reinterpret_cast<std::uintptr_t>(source.records);
            if (source.commit != nullptr || source.decommit != nullptr ||
                records % kPageBytes != 0) {
                return Errno::INVAL;
            }
            layout.tables = source.records;
            return layout;
        }
        // Slab records are at most 1/64 of their slabs, and magazines far less than their objects.
        layout.arena =
            align_up(layout.head + std::size_t{128} * 1024 + source.bytes / 48, kPageBytes);
        const std::uintptr_t alignment = source.bytes >= 32 * kHugePage ? kHugePage : kPageBytes;
        const std::uintptr_t pages = align_up(base + layout.table_bytes(), alignment);
        const std::uintptr_t end = base + source.bytes;
        if (end < base || pages >= end) return Errno::INVAL;
        layout.pages = reinterpret_cast<std::byte*>(pages);
        layout.count =
            static_cast<PageIndex>(std::min<std::size_t>(layout.count, (end - pages) / kPageBytes));
        return layout;
    }
};

Result<Heap*> Heap::create(const Source& source) {
    const Layout layout = TRY(Layout::of(source));
    if (source.commit != nullptr) {
        std::byte* const table = source.base + layout.arena;
        if (!source.commit(source.context, source.base, layout.head)) return Errno::NOMEM;
        // All of it: the fast path of free() looks any address of the range up.
        if (!source.commit(source.context, table, layout.class_table)) return Errno::NOMEM;
    }
    return new (layout.tables) Heap(source, layout);
}

std::size_t Heap::record_bytes(std::size_t bytes) {
    return Layout::of_tables(bytes).table_bytes();
}

void Heap::add(std::byte* at, std::size_t bytes) {
    const PageIndex page = map_.page_of(at);
    const std::size_t pages = bytes / kPageBytes;
    EXO_CHECK(source_.records != nullptr && page != kNoPage && pages <= map_.count - page &&
                  at == map_.address(page),
              "exo_alloc: memory added that is not of the heap's range");
    buddy_.add(page, static_cast<std::uint32_t>(pages));
}

Heap::Heap(const Source& source, const Layout& layout)
    : source_(source),
      map_{.base = layout.pages,
           .count = layout.count,
           .classes = reinterpret_cast<std::uint8_t*>(layout.tables + layout.arena),
           .info = reinterpret_cast<PageInfo*>(layout.tables + layout.arena + layout.class_table)},
      arena_(source_, layout.tables, layout.arena, layout.head,
             source.records != nullptr ? &buddy_ : nullptr),
      buddy_(source_, map_),
      backing_{.map = map_, .buddy = buddy_, .arena = arena_} {
    std::byte* at = layout.tables + align_up(sizeof(Heap), kCacheLine);
    slabs_ = reinterpret_cast<SlabClass*>(at);
    depots_ = reinterpret_cast<Depot*>(at + kClassCount * sizeof(SlabClass));
    for (ClassId id = 1; id <= kClassCount; ++id) {
        new (&slabs_[id - 1]) SlabClass(id);
        new (&depots_[id - 1]) Depot(depot_capacity(kClasses[id]));
    }
    if (source.zeroed) return;
    std::memset(map_.classes, 0, layout.class_table);
    if (source.records != nullptr) std::fill_n(map_.info, map_.count, PageInfo{});
}

void* Heap::allocate_slow(Cache& cache, std::size_t size) {
    if (size > kSlabMax) {
        cache.buddy_calls_.add(1);
        return allocate_run(size, kPageBytes).p;
    }
    const ClassId id = class_of(std::max<std::size_t>(size, 1));
    if (void* p = cache.pop_class(id)) return p;
    return refill(cache, id);
}

Result<void*> Heap::allocate_aligned(Cache& cache, std::size_t size, std::size_t alignment) {
    if (!std::has_single_bit(alignment)) return Errno::INVAL;
    const auto rounded = checked_align_up(std::max<std::size_t>(size, 1), alignment);
    if (!rounded) return Errno::NOMEM;
    void* p;
    if (alignment <= kPageBytes && *rounded <= kSlabMax) {
        // Slabs begin on a page, so objects of a size that is a multiple of the alignment have it.
        ClassId id = class_of(*rounded);
        while (kClasses[id].size % alignment != 0) ++id;
        p = cache.pop_class(id);
        if (p == nullptr) p = refill(cache, id);
    } else {
        cache.buddy_calls_.add(1);
        p = allocate_run(size, alignment).p;
    }
    if (p == nullptr) return Errno::NOMEM;
    return p;
}

void* Heap::allocate_zeroed(Cache& cache, std::size_t size) {
    if (size > kSlabMax) {
        cache.buddy_calls_.add(1);
        const Allocated run = allocate_run(size, kPageBytes);
        if (run.p != nullptr && !run.zeroed) std::memset(run.p, 0, size);
        return run.p;
    }
    void* p = allocate(cache, size);
    if (p != nullptr) std::memset(p, 0, size);
    return p;
}

void* Heap::allocate_uncached(std::size_t size) {
    if (size > kSlabMax) return allocate_run(size, kPageBytes).p;
    void* p = nullptr;
    const ClassId id = class_of(std::max<std::size_t>(size, 1));
    if (slabs(id).allocate(backing_, &p, 1).count == 0) return nullptr;
    static_cast<std::uint64_t*>(p)[1] = 0;
    return p;
}

void Heap::free_uncached(void* p) {
    if (p == nullptr) return;
    const ClassId id = checked_class(p, "invalid free of");
    if (id == kLargeClass) {
        free_run(map_.page_of(p), p);
        return;
    }
    check_mark(p, id, "double free of");
    slabs(id).free(backing_, &p, 1);
}

void Heap::free_slow(Cache& cache, void* p) {
    if (p == nullptr) return;
    const ClassId id = checked_class(p, "invalid free of");
    if (id != kLargeClass) {
        check_mark(p, id, "double free of");
        if (make_room(cache, id) && cache.push_class(id, p)) return;
    }
    free_uncached(p);
}

void Heap::free_sized(Cache& cache, void* p, std::size_t size) {
    if (p == nullptr) return;
    const ClassId id = checked_class(p, "invalid free of");
    const bool fits = size > kSlabMax
                          ? id == kLargeClass && pages_for(size) == map_.info[map_.page_of(p)].owner
                          : id == class_of(std::max<std::size_t>(size, 1));
    if (!fits) corruption("free with a wrong size of", p, usable_size(p));
    free(cache, p);
}

void* Heap::reallocate(Cache& cache, void* p, std::size_t size) {
    if (p == nullptr) return allocate(cache, size);
    const ClassId id = checked_class(p, "invalid realloc of");
    if (id == kLargeClass && size > kSlabMax) return resize_run(cache, p, size);
    const std::size_t old_size = usable_size(p);
    if (id != kLargeClass) {
        check_mark(p, id, "realloc after free of");
        // In place as long as less than half is wasted.
        if (size <= old_size && size * 2 >= old_size) return p;
    }
    void* moved = allocate(cache, size);
    if (moved == nullptr) return nullptr;
    std::memcpy(moved, p, std::min(size, old_size));
    free(cache, p);
    return moved;
}

std::size_t Heap::usable_size(const void* p) const {
    const ClassId id = checked_class(p, "usable size asked of the invalid pointer");
    if (id != kLargeClass) return kClasses[id].size;
    return std::size_t{map_.info[map_.page_of(p)].owner} * kPageBytes;
}

Heap::Allocated Heap::allocate_run(std::size_t size, std::size_t alignment) {
    if (size > std::size_t{map_.count} * kPageBytes) return {nullptr, false};
    const std::uint32_t pages = std::max<std::uint32_t>(pages_for(size), 1);
    const auto base_alignment = std::size_t{1}
                                << std::countr_zero(reinterpret_cast<std::uintptr_t>(map_.base));
    const std::size_t align_pages = std::max(alignment, kPageBytes) >> kPageShift;
    std::optional<Buddy::Run> run;
    if (alignment <= base_alignment) {
        run = buddy_.allocate(pages, log2_floor(align_pages));
    } else if (align_pages < map_.count) {
        // Beyond what page numbers tell of addresses: take more, keep the aligned part.
        const auto more = checked_add(pages, static_cast<std::uint32_t>(align_pages));
        if (more) run = buddy_.allocate(*more);
        if (run) {
            const auto address = reinterpret_cast<std::uintptr_t>(map_.address(run->page));
            const auto skip = (align_up(address, alignment) - address) >> kPageShift;
            const PageIndex kept = run->page + static_cast<PageIndex>(skip);
            buddy_.cut(run->page, *more, kept, pages);
            run->page = kept;
        }
    }
    if (!run) return {nullptr, false};
    map_.classes[run->page] = static_cast<std::uint8_t>(kLargeClass);
    run_pages_.fetch_add(pages, std::memory_order_relaxed);
    return {map_.address(run->page), run->zeroed};
}

void Heap::free_run(PageIndex page, const void* p) {
    if (p != map_.address(page)) corruption("invalid free of an address inside a page run,", p);
    const std::uint32_t pages = map_.info[page].owner;
    map_.classes[page] = 0;
    run_pages_.fetch_sub(pages, std::memory_order_relaxed);
    buddy_.free(page, pages);
}

void* Heap::resize_run(Cache& cache, void* p, std::size_t size) {
    const PageIndex page = map_.page_of(p);
    if (p != map_.address(page)) corruption("invalid realloc of an address inside a page run,", p);
    if (size > std::size_t{map_.count} * kPageBytes) return nullptr;
    const std::uint32_t pages = map_.info[page].owner;
    const std::uint32_t wanted = pages_for(size);
    if (buddy_.resize(page, pages, wanted)) {
        run_pages_.fetch_add(std::size_t{wanted} - pages, std::memory_order_relaxed);
        return p;
    }
    cache.buddy_calls_.add(1);
    return move_run(page, pages, size);
}

void* Heap::move_run(PageIndex from, std::uint32_t pages, std::size_t size) {
    const Allocated run = allocate_run(size, kPageBytes);
    if (run.p == nullptr) return nullptr;
    std::byte* const old = map_.address(from);
    const std::size_t bytes = std::size_t{pages} * kPageBytes;
    const bool moved = source_.move != nullptr && bytes >= kMinMove &&
                       source_.move(source_.context, old, static_cast<std::byte*>(run.p), bytes);
    if (!moved) std::memcpy(run.p, old, bytes);
    map_.classes[from] = 0;
    run_pages_.fetch_sub(pages, std::memory_order_relaxed);
    buddy_.free(from, pages, moved);
    return run.p;
}

ClassId Heap::checked_class(const void* p, const char* what) const {
    const PageIndex page = map_.page_of(p);
    if (page == kNoPage) corruption("pointer that is not from this heap:", p);
    const ClassId id = map_.classes[page];
    if (id == 0) corruption(what, p);
    return id;
}

void Heap::check_mark(const void* p, ClassId id, const char* what) const {
    if (reinterpret_cast<std::uintptr_t>(p) % kMinAlign != 0) {
        corruption("invalid free of an address inside an object,", p, kClasses[id].size);
    }
    const std::uint64_t mark = source_.secret ^ reinterpret_cast<std::uintptr_t>(p);
    if (static_cast<const std::uint64_t*>(p)[1] == mark) corruption(what, p, kClasses[id].size);
}

}  // namespace exo::alloc
