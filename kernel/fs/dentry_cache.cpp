#include "kernel/fs/dentry_cache.h"

#include <cstring>

#include "lib/base/box.h"

namespace exo {

namespace {

constinit DentryCache* cache = nullptr;

}  // namespace

Result<void> DentryCache::start() {
    if (cache != nullptr) return {};
    cache = new (std::nothrow) DentryCache;
    if (cache == nullptr) return Errno::NOMEM;
    return {};
}

DentryCache& DentryCache::get() {
    return *cache;
}

// Eight bytes at a time, each multiplied into the state and folded: the high half is mixed best.
std::uint64_t DentryCache::hash(const Dentry& parent, std::string_view name) {
    constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
    const auto mix = [](std::uint64_t state, std::uint64_t word) {
        const unsigned __int128 product = static_cast<unsigned __int128>(state ^ word) * kFactor;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    std::uint64_t state = mix(reinterpret_cast<std::uintptr_t>(&parent), name.size());
    while (!name.empty()) {
        std::uint64_t word = 0;
        const std::size_t bytes = name.size() < sizeof(word) ? name.size() : sizeof(word);
        std::memcpy(&word, name.data(), bytes);
        state = mix(state, word);
        name.remove_prefix(bytes);
    }
    return state;
}

RefPtr<Dentry> DentryCache::find(const Dentry& parent, std::string_view name) {
    const std::uint64_t hashed = hash(parent, name);
    auto shard = shard_of(hashed).lock();
    for (Dentry* each = shard->buckets[hashed % kBuckets]; each != nullptr;
         each = each->next_in_bucket_) {
        if (each->hash_ != hashed) continue;
        // Parent and name change only while it is out of the cache, and so not under this lock:
        // they may be looked at without the dentry's own.
        const Dentry::Place& place = each->place_.unlocked();
        if (place.parent.get() != &parent || place.name.view() != name) continue;
        each->used_ = true;
        return RefPtr<Dentry>(each);
    }
    return {};
}

void DentryCache::insert(Dentry& dentry) {
    const Dentry::Place& place = dentry.place_.unlocked();
    dentry.hash_ = hash(*place.parent, place.name.view());
    dentry.ref();
    Dentry* unused = nullptr;
    {
        auto shard = shard_of(dentry.hash_).lock();
        Dentry*& first = shard->bucket_of(dentry);
        dentry.next_in_bucket_ = first;
        first = &dentry;
        shard->by_age.push_back(dentry);
        dentry.cached_ = true;
        if (++shard->size > kMaxUnused / kShards) unused = shard->take_unused(kScan);
    }
    size_.fetch_add(1, std::memory_order_relaxed);
    if (unused != nullptr) {
        size_.fetch_sub(1, std::memory_order_relaxed);
        unused->unref();
    }
}

void DentryCache::remove(Dentry& dentry) {
    {
        auto shard = shard_of(dentry.hash_).lock();
        if (!dentry.cached_) return;
        shard->unlink(dentry);
    }
    size_.fetch_sub(1, std::memory_order_relaxed);
    dentry.unref();
}

void DentryCache::Shard::unlink(Dentry& dentry) {
    Dentry** at = &bucket_of(dentry);
    while (*at != &dentry) at = &(*at)->next_in_bucket_;
    *at = dentry.next_in_bucket_;
    dentry.next_in_bucket_ = nullptr;
    dentry.age_link_.unlink();
    dentry.cached_ = false;
    --size;
}

// A dentry whose only reference is the cache's gets no other one while the shard is locked: find()
// takes that lock, and whoever else makes references has one.
Dentry* DentryCache::Shard::take_unused(unsigned scan) {
    while (scan-- != 0 && !by_age.empty()) {
        Dentry& oldest = *by_age.pop_front();
        by_age.push_back(oldest);
        if (oldest.ref_count() != 1) continue;
        if (oldest.used_) {
            oldest.used_ = false;
            continue;
        }
        unlink(oldest);
        return &oldest;
    }
    return nullptr;
}

Dentry* DentryCache::Shard::take_unused_of(const FileSystem& file_system) {
    for (Dentry* each = by_age.front(); each != nullptr; each = by_age.next(*each)) {
        if (each->file_system_ != &file_system || each->ref_count() != 1) continue;
        unlink(*each);
        return each;
    }
    return nullptr;
}

std::size_t DentryCache::shrink(std::size_t wanted) {
    std::size_t dropped = 0;
    for (LockedShard& each : shards_) {
        for (std::size_t tries = 2 * kMaxUnused / kShards; tries != 0 && dropped < wanted;
             --tries) {
            Dentry* unused = each.lock()->take_unused(1);
            if (unused == nullptr) continue;
            size_.fetch_sub(1, std::memory_order_relaxed);
            unused->unref();
            ++dropped;
        }
    }
    return dropped;
}

void DentryCache::drop_unused(const FileSystem& file_system) {
    // A parent may go once its children have gone, so look until nothing is found any more.
    for (bool found = true; found;) {
        found = false;
        for (LockedShard& each : shards_) {
            while (Dentry* unused = each.lock()->take_unused_of(file_system)) {
                size_.fetch_sub(1, std::memory_order_relaxed);
                unused->unref();
                found = true;
            }
        }
    }
}

}  // namespace exo
