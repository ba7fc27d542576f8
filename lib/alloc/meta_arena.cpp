#include "lib/alloc/meta_arena.h"

#include <algorithm>

#include "lib/alloc/buddy.h"
#include "lib/base/bits.h"
#include "lib/base/panic.h"

namespace exo::alloc {

namespace {

constexpr std::size_t kCommitStep = std::size_t{64} * 1024;

/// Pages taken from the buddy level at once; more than any record needs.
constexpr std::uint32_t kChunkPages = 8;

}  // namespace

void* MetaArena::allocate(std::size_t bytes) {
    const std::size_t size = align_up(bytes, kUnit);
    {
        const Guard guard(lock_);
        if (void* record = take(size)) return record;
    }
    return pages_ == nullptr ? nullptr : take_from_new_chunk(size);
}

void* MetaArena::take(std::size_t size) {
    if (size <= kMaxReusable) {
        FreeRecord*& list = free_[size / kUnit];
        if (list != nullptr) {
            FreeRecord* record = list;
            list = record->next;
            return record;
        }
    }
    if (size > static_cast<std::size_t>(committed_ - next_) && !commit_for(size)) return nullptr;
    void* record = next_;
    next_ += size;
    return record;
}

// The chunk is fetched without the lock, so that this level and the buddy's never nest.
void* MetaArena::take_from_new_chunk(std::size_t size) {
    EXO_ASSERT(size <= kChunkPages * kPageBytes);
    const auto run = pages_->allocate(kChunkPages);
    bool used = false;
    void* record;
    {
        const Guard guard(lock_);
        // Meanwhile somebody else may have brought a chunk, or freed a record.
        record = take(size);
        if (record == nullptr && run) {
            recycle_rest();
            next_ = pages_->address(run->page);
            limit_ = committed_ = next_ + kChunkPages * kPageBytes;
            committed_bytes_ += kChunkPages * kPageBytes;
            used = true;
            record = take(size);
        }
    }
    if (run && !used) pages_->free(run->page, kChunkPages);
    return record;
}

/// What is left of a chunk goes to the free lists.
void MetaArena::recycle_rest() {
    while (next_ != committed_) {
        const std::size_t size =
            std::min(static_cast<std::size_t>(committed_ - next_), kMaxReusable);
        auto* record = reinterpret_cast<FreeRecord*>(next_);
        record->next = free_[size / kUnit];
        free_[size / kUnit] = record;
        next_ += size;
    }
}

void MetaArena::free(void* record, std::size_t bytes) {
    const std::size_t size = align_up(bytes, kUnit);
    EXO_ASSERT(size <= kMaxReusable);
    const Guard guard(lock_);
    FreeRecord*& list = free_[size / kUnit];
    auto* entry = static_cast<FreeRecord*>(record);
    entry->next = list;
    list = entry;
}

std::size_t MetaArena::committed() {
    const Guard guard(lock_);
    return committed_bytes_;
}

bool MetaArena::commit_for(std::size_t bytes) {
    const auto room = static_cast<std::size_t>(limit_ - next_);
    if (bytes > room) return false;
    const std::size_t missing = bytes - static_cast<std::size_t>(committed_ - next_);
    const std::size_t step =
        std::min(align_up(missing, kCommitStep), static_cast<std::size_t>(limit_ - committed_));
    if (source_.commit != nullptr && !source_.commit(source_.context, committed_, step)) {
        return false;
    }
    committed_ += step;
    committed_bytes_ += step;
    return true;
}

}  // namespace exo::alloc
