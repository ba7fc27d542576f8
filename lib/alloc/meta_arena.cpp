#include "lib/alloc/meta_arena.h"

#include <algorithm>

#include "lib/base/bits.h"
#include "lib/base/panic.h"

namespace exo::alloc {

namespace {

constexpr std::size_t kCommitStep = std::size_t{64} * 1024;

}  // namespace

void* MetaArena::allocate(std::size_t bytes) {
    const std::size_t size = align_up(bytes, kUnit);
    const Guard guard(lock_);
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
    return static_cast<std::size_t>(committed_ - base_);
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
    return true;
}

}  // namespace exo::alloc
