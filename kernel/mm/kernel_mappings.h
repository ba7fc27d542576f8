// Addresses for what is mapped on demand: device registers. Handed out upwards, never taken back.
#pragma once

#include "kernel/arch/page_table.h"

namespace exo {

class KernelMappings {
  public:
    KernelMappings(arch::PageTable tables, arch::TableFrames& frames)
        : tables_(tables), frames_(frames) {}

    /// Maps device registers, uncached; `at` need not be aligned. NOMEM; INVAL: `size` is 0 or
    /// absurd.
    Result<VirtAddr> map_device(PhysAddr at, std::uint64_t size);

    /// Maps a stack of `size` bytes, a multiple of a page, between unmapped guard pages; returns
    /// its top. NOMEM.
    Result<VirtAddr> map_stack(std::uint64_t size);

  private:
    arch::PageTable tables_;
    arch::TableFrames& frames_;
    VirtAddr next_ = kKernelMappings + kPageSize;
};

}  // namespace exo
