// The cache of dentries by parent and name, negative ones too: shards, each a spin lock over some
// buckets and a list by age. The cache holds a reference to each of its dentries; those that nobody
// else holds are dropped when a shard is over its bound, oldest first, unless used since the last
// look (second chance).
//
// No dentry is freed under a lock, and none recursively: a cached parent outlives its children, and
// Dentry::destroy() takes a chain of removed ones apart in a loop.
#pragma once

#include <array>
#include <string_view>

#include "kernel/core/spin_lock.h"
#include "kernel/fs/dentry.h"
#include "lib/base/list.h"

namespace exo {

class DentryCache {
  public:
    /// Makes the cache; before the first dentry. NOMEM.
    static Result<void> start();
    static DentryCache& get();

    RefPtr<Dentry> find(const Dentry& parent, std::string_view name);
    /// `dentry`, which nobody else knows yet, can be found from now on.
    void insert(Dentry& dentry);
    /// It cannot be found any more, if it could.
    void remove(Dentry& dentry);

    /// Drops up to `wanted` dentries that nobody uses; how many. For reclaim.
    std::size_t shrink(std::size_t wanted);
    /// Drops all of `file_system` that nobody uses, as for unmounting it.
    void drop_unused(const FileSystem& file_system);

    [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

    /// Dentries that are kept though nobody uses them, at most; about 2 MiB.
    static constexpr std::size_t kMaxUnused = 8192;

  private:
    template <typename T>
    friend class Box;
    DentryCache() = default;

    static constexpr std::size_t kShards = 32;
    static constexpr std::size_t kBuckets = 128;
    static constexpr unsigned kScan = 8;  // dentries looked at for one insertion

    struct Shard {
        std::array<Dentry*, kBuckets> buckets = {};
        List<Dentry, &Dentry::age_link_> by_age;
        std::size_t size = 0;

        Dentry*& bucket_of(const Dentry& dentry) { return buckets[dentry.hash_ % kBuckets]; }
        void unlink(Dentry& dentry);
        /// Looks at up to `scan` of the oldest; one that may go is taken out, with its reference.
        Dentry* take_unused(unsigned scan);
        Dentry* take_unused_of(const FileSystem& file_system);
    };
    using LockedShard = Locked<Shard, SpinLock<LockRank::kDentry>>;

    static std::uint64_t hash(const Dentry& parent, std::string_view name);
    LockedShard& shard_of(std::uint64_t hash) { return shards_[hash >> 32 & (kShards - 1)]; }

    std::array<LockedShard, kShards> shards_;
    Atomic<std::size_t> size_{0};
};

}  // namespace exo
