#include "kernel/mm/early_frames.h"

#include <algorithm>
#include <cstring>

namespace exo {

namespace {

using arch::MemoryRange;

std::uint64_t size_of(const MemoryRange& range) {
    return range.end > range.begin ? range.end - range.begin : 0;
}

/// The largest part of `range` that touches nothing in `reserved`: between two of them, or before
/// the first or after the last.
MemoryRange largest_free(const MemoryRange& range, std::span<const MemoryRange> reserved) {
    MemoryRange best;
    const auto consider = [&](std::uint64_t begin) {
        if (begin < range.begin || begin >= range.end) return;
        std::uint64_t end = range.end;
        for (const auto& other : reserved) {
            if (size_of(other) == 0) continue;
            if (begin >= other.begin && begin < other.end) return;
            if (other.begin >= begin) end = std::min(end, other.begin);
        }
        if (end - begin > size_of(best)) best = {begin, end};
    };
    consider(range.begin);
    for (const auto& other : reserved) consider(other.end);
    return best;
}

}  // namespace

EarlyFrames::EarlyFrames(std::span<const MemoryRange> usable, std::span<const MemoryRange> reserved,
                         PhysAddr mapped_end) {
    for (const auto& range : usable) {
        const MemoryRange inside{
            align_up<std::uint64_t>(range.begin, kPageSize),
            align_down<std::uint64_t>(std::min(range.end, mapped_end.value), kPageSize)};
        if (size_of(inside) == 0) continue;
        const MemoryRange free = largest_free(inside, reserved);
        if (size_of(free) > size_of(range_)) range_ = free;
    }
    range_.begin = align_up<std::uint64_t>(range_.begin, kPageSize);
    range_.end = align_down<std::uint64_t>(range_.end, kPageSize);
    end_ = range_.end;
}

Result<PhysAddr> EarlyFrames::allocate_bytes(std::uint64_t bytes) {
    const auto rounded = checked_align_up<std::uint64_t>(bytes, kPageSize);
    if (!rounded || *rounded > size_of(range_)) return Errno::NOMEM;
    range_.end -= *rounded;
    const PhysAddr frame(range_.end);
    std::memset(direct_pointer<void>(frame), 0, *rounded);
    return frame;
}

}  // namespace exo
