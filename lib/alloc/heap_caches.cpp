// The heap's side of caches: filling and emptying their magazines, their creation and end, and what
// concerns all of them (statistics, trimming, fork).
#include <algorithm>
#include <new>

#include "lib/alloc/heap.h"

namespace exo::alloc {

namespace {

/// First refill of a class: an eighth of a magazine; each next one twice as much.
std::uint8_t first_refill(ClassId id) {
    return static_cast<std::uint8_t>(std::max(1, (kClasses[id].magazine + 1) / 8));
}

Magazine* magazine_of(void** base) {
    return reinterpret_cast<Magazine*>(reinterpret_cast<std::byte*>(base) - sizeof(Magazine));
}

}  // namespace

Magazine* Heap::new_magazine(ClassId id) {
    if (Magazine* empty = depot(id).take_empty()) return empty;
    return static_cast<Magazine*>(arena_.allocate(Magazine::bytes(kClasses[id].magazine)));
}

/// Makes `magazine`, with `count` objects in it, the one the cache works on.
void Heap::load(Cache& cache, ClassId id, Magazine* magazine, unsigned count) {
    cache.base_[id].store(magazine->objects, std::memory_order_relaxed);
    cache.top_[id].store(magazine->objects + count, std::memory_order_relaxed);
    cache.limit_[id] = magazine->objects + kClasses[id].magazine;
}

/// An object for a cache whose magazine is empty: from the spare, the depot, the slabs, in this
/// order.
void* Heap::refill(Cache& cache, ClassId id) {
    Cache::Spare& spare = cache.spares_[id];
    const unsigned capacity = kClasses[id].magazine;
    void** base = cache.base_[id].load(std::memory_order_relaxed);
    if (base == nullptr) {
        Magazine* magazine = new_magazine(id);
        if (magazine == nullptr) return allocate_uncached(kClasses[id].size);
        load(cache, id, magazine, 0);
        base = magazine->objects;
        spare.refill = first_refill(id);
    }
    Magazine* const loaded = magazine_of(base);
    if (spare.full.load(std::memory_order_relaxed)) {
        load(cache, id, spare.magazine, capacity);
        spare.magazine = loaded;
        spare.full.store(false, std::memory_order_relaxed);
        cache.thread_hits_.add(1);
    } else if (Magazine* full = depot(id).exchange_empty(spare.magazine)) {
        load(cache, id, full, capacity);
        spare.magazine = loaded;
        cache.slab_hits_.add(1);
    } else {
        const auto taken = slabs(id).allocate(backing_, base, spare.refill);
        if (taken.count == 0) return nullptr;
        cache.top_[id].store(base + taken.count, std::memory_order_relaxed);
        spare.refill = static_cast<std::uint8_t>(std::min(spare.refill * 2U, capacity));
        (taken.new_slab ? cache.buddy_calls_ : cache.slab_hits_).add(1);
    }
    void** top = cache.top_[id].load(std::memory_order_relaxed) - 1;
    cache.top_[id].store(top, std::memory_order_relaxed);
    static_cast<std::uint64_t*>(*top)[1] = 0;
    return *top;
}

/// Makes the cache's magazine one with room: an empty one in place of a full one. False: no memory.
bool Heap::make_room(Cache& cache, ClassId id) {
    Cache::Spare& spare = cache.spares_[id];
    void** base = cache.base_[id].load(std::memory_order_relaxed);
    if (base == nullptr) {
        Magazine* magazine = new_magazine(id);
        if (magazine == nullptr) return false;
        load(cache, id, magazine, 0);
        spare.refill = first_refill(id);
        return true;
    }
    const unsigned capacity = kClasses[id].magazine;
    if (cache.top_[id].load(std::memory_order_relaxed) != base + capacity) return true;
    Magazine* empty = spare.magazine;
    if (spare.full.load(std::memory_order_relaxed)) {
        const Depot::Stored stored = depot(id).exchange_full(spare.magazine);
        if (stored.accepted) {
            empty = stored.empty;
        } else {
            slabs(id).free(backing_, spare.magazine->objects, capacity);
        }
        spare.magazine = nullptr;
        spare.full.store(false, std::memory_order_relaxed);
    }
    if (empty == nullptr) empty = new_magazine(id);
    if (empty == nullptr) return false;
    spare.magazine = magazine_of(base);
    spare.full.store(true, std::memory_order_relaxed);
    load(cache, id, empty, 0);
    return true;
}

/// Returns the class's objects in the cache to their slabs and its magazines to the arena.
void Heap::flush(Cache& cache, ClassId id) {
    Cache::Spare& spare = cache.spares_[id];
    const ClassInfo& info = kClasses[id];
    void** base = cache.base_[id].load(std::memory_order_relaxed);
    if (base != nullptr) {
        void** top = cache.top_[id].load(std::memory_order_relaxed);
        cache.base_[id].store(nullptr, std::memory_order_relaxed);
        cache.top_[id].store(nullptr, std::memory_order_relaxed);
        cache.limit_[id] = nullptr;
        slabs(id).free(backing_, base, static_cast<unsigned>(top - base));
        arena_.free(magazine_of(base), Magazine::bytes(info.magazine));
    }
    if (spare.magazine != nullptr) {
        if (spare.full.load(std::memory_order_relaxed)) {
            slabs(id).free(backing_, spare.magazine->objects, info.magazine);
        }
        arena_.free(spare.magazine, Magazine::bytes(info.magazine));
        spare.magazine = nullptr;
        spare.full.store(false, std::memory_order_relaxed);
    }
}

void Heap::flush_depot(ClassId id) {
    const ClassInfo& info = kClasses[id];
    while (Magazine* full = depot(id).exchange_empty(nullptr)) {
        slabs(id).free(backing_, full->objects, info.magazine);
        arena_.free(full, Magazine::bytes(info.magazine));
    }
    while (Magazine* empty = depot(id).take_empty()) {
        arena_.free(empty, Magazine::bytes(info.magazine));
    }
}

Result<Cache*> Heap::create_cache() {
    void* memory = nullptr;
    {
        const Guard guard(registry_lock_);
        if (unused_caches_ != nullptr) {
            memory = unused_caches_;
            unused_caches_ = unused_caches_->next_;
        }
    }
    if (memory == nullptr) memory = arena_.allocate(sizeof(Cache));
    if (memory == nullptr) return Errno::NOMEM;
    auto* cache = new (memory) Cache();
    cache->region_base_ = reinterpret_cast<std::uintptr_t>(map_.base);
    cache->granule_count_ = std::size_t{map_.count} * (kPageBytes / kMinAlign);
    cache->classes_by_address_ = map_.classes - (cache->region_base_ >> kPageShift);
    cache->secret_ = source_.secret;
    const Guard guard(registry_lock_);
    cache->next_ = caches_;
    if (caches_ != nullptr) caches_->prev_ = cache;
    caches_ = cache;
    return cache;
}

void Heap::destroy_cache(Cache& cache) {
    for (ClassId id = 1; id <= kClassCount; ++id) flush(cache, id);
    const Guard guard(registry_lock_);
    for (const Counter& hits : cache.hits_) retired_.thread_hits += hits.get();
    retired_.thread_hits += cache.thread_hits_.get();
    retired_.slab_hits += cache.slab_hits_.get();
    retired_.buddy_calls += cache.buddy_calls_.get();
    (cache.prev_ != nullptr ? cache.prev_->next_ : caches_) = cache.next_;
    if (cache.next_ != nullptr) cache.next_->prev_ = cache.prev_;
    cache.next_ = unused_caches_;
    unused_caches_ = &cache;
}

bool Heap::trim(Cache* cache, std::size_t keep_bytes) {
    for (ClassId id = 1; id <= kClassCount; ++id) {
        if (cache != nullptr) flush(*cache, id);
        flush_depot(id);
    }
    const std::size_t keep_pages = keep_bytes >> kPageShift;
    if (source_.decommit == nullptr || buddy_.usage().dirty_pages <= keep_pages) return false;
    buddy_.purge(keep_pages);
    return true;
}

HeapStats Heap::stats() {
    HeapStats sum{};
    {
        const Guard guard(registry_lock_);
        sum = retired_;
        for (const Cache* cache = caches_; cache != nullptr; cache = cache->next_) {
            for (ClassId id = 1; id <= kClassCount; ++id) {
                const auto objects = cache->top_[id].load(std::memory_order_relaxed) -
                                     cache->base_[id].load(std::memory_order_relaxed);
                // Read while their owner works, the two may belong to different magazines.
                if (objects > 0 && objects <= kClasses[id].magazine) {
                    sum.cached_bytes += static_cast<std::size_t>(objects) * kClasses[id].size;
                }
                if (cache->spares_[id].full.load(std::memory_order_relaxed)) {
                    sum.cached_bytes += std::size_t{kClasses[id].magazine} * kClasses[id].size;
                }
                sum.thread_hits += cache->hits_[id].get();
            }
            sum.thread_hits += cache->thread_hits_.get();
            sum.slab_hits += cache->slab_hits_.get();
            sum.buddy_calls += cache->buddy_calls_.get();
        }
    }
    std::size_t out_bytes = 0;
    for (ClassId id = 1; id <= kClassCount; ++id) {
        const SlabClass::Usage usage = slabs(id).usage();
        out_bytes += usage.used * kClasses[id].size;
        sum.slab_bytes += usage.slabs * kClasses[id].pages * kPageBytes;
        sum.cached_bytes +=
            std::size_t{depot(id).full_count()} * kClasses[id].magazine * kClasses[id].size;
    }
    const Buddy::Usage pages = buddy_.usage();
    sum.run_bytes = run_pages_.load(std::memory_order_relaxed) * kPageBytes;
    sum.live_bytes = out_bytes - std::min(out_bytes, sum.cached_bytes) + sum.run_bytes;
    sum.dirty_bytes = pages.dirty_pages * kPageBytes;
    sum.mapped_bytes = pages.committed_pages * kPageBytes;
    sum.meta_bytes =
        arena_.committed() + pages.committed_pages * sizeof(PageInfo) + pages.committed_pages;
    return sum;
}

// The analysis follows no locks in a loop; fork(2) alone calls these, in pairs.
void Heap::lock_all() NO_THREAD_SAFETY_ANALYSIS {
    registry_lock_.lock();
    for (ClassId id = 1; id <= kClassCount; ++id) depot(id).lock().lock();
    for (ClassId id = 1; id <= kClassCount; ++id) slabs(id).lock().lock();
    buddy_.lock().lock();
    arena_.lock().lock();
}

void Heap::unlock_all() NO_THREAD_SAFETY_ANALYSIS {
    arena_.lock().unlock();
    buddy_.lock().unlock();
    for (ClassId id = kClassCount; id >= 1; --id) slabs(id).lock().unlock();
    for (ClassId id = kClassCount; id >= 1; --id) depot(id).lock().unlock();
    registry_lock_.unlock();
}

}  // namespace exo::alloc
