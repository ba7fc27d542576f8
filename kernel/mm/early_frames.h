// Frames before there is a frame allocator: taken from the end of the largest range of RAM, never
// given back. All RAM but what they gave out is what the heap starts with (heap.h).
#pragma once

#include <span>

#include "kernel/arch/boot_info.h"
#include "kernel/arch/page_table.h"

namespace exo {

class EarlyFrames final : public arch::TableFrames {
  public:
    /// `usable` RAM minus `reserved`; only memory below `mapped_end`, which the boot tables map.
    EarlyFrames(std::span<const arch::MemoryRange> usable,
                std::span<const arch::MemoryRange> reserved, PhysAddr mapped_end);

    /// One zeroed frame.
    Result<PhysAddr> allocate() override { return allocate_bytes(kPageSize); }

    /// `bytes`, rounded up to frames, contiguous and zeroed.
    Result<PhysAddr> allocate_bytes(std::uint64_t bytes);

    /// What was given out so far.
    [[nodiscard]] arch::MemoryRange taken() const { return {range_.end, end_}; }

  private:
    arch::MemoryRange range_;  ///< what is left
    std::uint64_t end_ = 0;
};

}  // namespace exo
