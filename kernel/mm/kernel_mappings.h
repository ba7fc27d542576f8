// Addresses for what the kernel maps on demand: device registers, stacks. Handed out upwards, never
// taken back.
#pragma once

#include "kernel/arch/page_table.h"
#include "kernel/core/spin_lock.h"

namespace exo {

class KernelMappings {
  public:
    explicit KernelMappings(arch::PageTable tables) : state_(tables) {}

    /// Maps device registers, uncached; `at` need not be aligned. NOMEM; INVAL: `size` is 0 or
    /// absurd.
    Result<VirtAddr> map_device(PhysAddr at, std::uint64_t size);

    /// Maps a stack of `size` bytes, a multiple of a page, between unmapped guard pages; returns
    /// its top. NOMEM: nothing stays mapped.
    Result<VirtAddr> map_stack(std::uint64_t size);

  private:
    struct State {
        explicit State(arch::PageTable t) : tables(t) {}
        arch::PageTable tables;
        VirtAddr next = kKernelMappings + kPageSize;
    };
    Locked<State, SpinLock<LockRank::kFrames>> state_;
};

/// Once, when the heap is there. Every address space made later shares what is mapped.
void start_kernel_mappings(arch::PageTable tables);
[[nodiscard]] KernelMappings& kernel_mappings();

}  // namespace exo
