#include "lib/alloc/slab.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "lib/alloc/corruption.h"

namespace exo::alloc {

namespace {

/// A class keeps one empty slab for every so many that it has, the others go back at once: the
/// buddy level has a hysteresis of its own, and remaking a slab costs a few hundred cycles.
constexpr std::uint32_t kSlabsPerEmpty = 64;

}  // namespace

SlabClass::Taken SlabClass::allocate(const Backing& backing, void** out, unsigned wanted) {
    {
        const Guard guard(lock_);
        const unsigned count = take(backing.map, out, wanted);
        if (count != 0) return {count, false};
    }
    Slab* slab = create(backing);
    const Guard guard(lock_);
    if (slab != nullptr) {
        ++slabs_;
        ++empty_;
        file(*slab);
    }
    // Without a new slab this still finds what others freed meanwhile.
    return {take(backing.map, out, wanted), slab != nullptr};
}

unsigned SlabClass::take(const PageMap& map, void** out, unsigned wanted) {
    const std::size_t size = info().size;
    unsigned left = wanted;
    while (left != 0 && filled_ != 0) {
        Slab& slab = *buckets_[static_cast<unsigned>(std::countr_zero(filled_))].front();
        std::byte* const base = map.address(slab.page);
        const unsigned here = std::min<unsigned>(left, slab.free);
        if (slab.free == info().objects) --empty_;
        unsigned taken = 0;
        for (unsigned word = 0; taken < here; ++word) {
            std::uint64_t bits = slab.free_bits[word];
            for (; bits != 0 && taken < here; ++taken, bits &= bits - 1) {
                const unsigned object = word * 64 + static_cast<unsigned>(std::countr_zero(bits));
                out[--left] = base + object * size;
            }
            slab.free_bits[word] = bits;
        }
        slab.free = static_cast<std::uint16_t>(slab.free - here);
        file(slab);
    }
    const unsigned count = wanted - left;
    // Fewer than wanted: they stand at the end of `out`.
    if (left != 0) std::copy_n(out + left, count, out);
    used_ += count;
    return count;
}

void SlabClass::free(const Backing& backing, void* const* objects, unsigned count) {
    Slab* released = nullptr;
    {
        const Guard guard(lock_);
        for (unsigned i = 0; i < count; ++i) put(backing, objects[i], released);
    }
    while (released != nullptr) {
        // Released slabs are chained by their unused link.
        Slab* slab = released;
        released = reinterpret_cast<Slab*>(slab->link.next);
        release(backing, slab);
    }
}

void SlabClass::put(const Backing& backing, void* object, Slab*& released) {
    const PageIndex page = backing.map.page_of(object);
    if (page == kNoPage || backing.map.classes[page] != id_) {
        corruption("corrupt magazine: invalid pointer", object, info().size);
    }
    Slab& slab = *static_cast<Slab*>(backing.arena.record(backing.map.info[page].owner));
    const auto offset = static_cast<std::uint64_t>(static_cast<std::byte*>(object) -
                                                   backing.map.address(slab.page));
    // Exact for multiples of the size: the reciprocal's error, below 1, times an index stays
    // below 1.
    const std::uint64_t index = (offset * info().reciprocal) >> 32;
    if (index >= info().objects || index * info().size != offset) {
        corruption("invalid free of an address inside an object,", object, info().size);
    }
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if ((slab.free_bits[index / 64] & bit) != 0) corruption("double free of", object, info().size);
    slab.free_bits[index / 64] |= bit;
    --used_;
    if (++slab.free != info().objects) {
        file(slab);
        return;
    }
    if ((empty_ + 1) * kSlabsPerEmpty <= slabs_) {
        ++empty_;
        file(slab);
        return;
    }
    if (slab.link.linked()) remove(slab);
    --slabs_;
    slab.link.next = reinterpret_cast<ListLink*>(released);
    released = &slab;
}

/// Puts the slab where its number of free objects says.
void SlabClass::file(Slab& slab) {
    const bool linked = slab.link.linked();
    if (slab.free == 0) {
        if (linked) remove(slab);
        return;
    }
    const auto bucket = static_cast<std::uint8_t>(slab.free >> info().bucket_shift);
    if (linked) {
        if (bucket == slab.bucket) return;
        remove(slab);
    }
    slab.bucket = bucket;
    buckets_[bucket].push_front(slab);
    filled_ = static_cast<std::uint8_t>(filled_ | (1U << bucket));
}

void SlabClass::remove(Slab& slab) {
    slab.link.unlink();
    if (buckets_[slab.bucket].empty()) {
        filled_ = static_cast<std::uint8_t>(filled_ & ~(1U << slab.bucket));
    }
}

Slab* SlabClass::create(const Backing& backing) const {
    void* record = backing.arena.allocate(Slab::bytes(info()));
    if (record == nullptr) return nullptr;
    const auto run = backing.buddy.allocate(info().pages);
    if (!run) {
        backing.arena.free(record, Slab::bytes(info()));
        return nullptr;
    }
    Slab* slab = new (record) Slab{};
    slab->page = run->page;
    slab->free = info().objects;
    for (unsigned word = 0; word < info().words; ++word) slab->free_bits[word] = ~std::uint64_t{0};
    if (info().objects % 64 != 0) {
        slab->free_bits[info().words - 1] = (std::uint64_t{1} << (info().objects % 64)) - 1;
    }
    const std::uint32_t unit = backing.arena.unit_of(record);
    for (unsigned i = 0; i < info().pages; ++i) backing.map.info[run->page + i].owner = unit;
    std::memset(backing.map.classes + run->page, id_, info().pages);
    return slab;
}

void SlabClass::release(const Backing& backing, Slab* slab) const {
    std::memset(backing.map.classes + slab->page, 0, info().pages);
    backing.buddy.free(slab->page, info().pages);
    backing.arena.free(slab, Slab::bytes(info()));
}

SlabClass::Usage SlabClass::usage() {
    const Guard guard(lock_);
    return {.slabs = slabs_, .used = used_};
}

}  // namespace exo::alloc
