// The kernel's only heap: lib/alloc over the direct map of all RAM. `new (std::nothrow)` and
// `delete` are defined here, aligned forms too; plain `new` does not link. Each CPU has a cache of
// free objects of its own, which is safe without locks because the kernel is not preempted and
// interrupt handlers never allocate.
//
// RAM has holes (below 1 MiB, below 4 GiB), so the heap's range is everything from address 0 to the
// end of RAM, and it is given what is RAM piece by piece (lib/alloc/source.h, `records`): a page's
// number in the heap is its frame number. What is not RAM costs the records, 17 bytes a page.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/arch/boot_info.h"
#include "kernel/core/cpu_local.h"
#include "kernel/mm/early_frames.h"
#include "lib/alloc/heap.h"

namespace exo {

/// What memory management keeps for one CPU; written only by that CPU.
struct CpuMemory {
    alloc::Cache* cache = nullptr;
    alloc::Counter frames_taken;     ///< allocate_frame()
    alloc::Counter frames_returned;  ///< unref_frame() that freed one
    alloc::Counter tables_taken;     ///< frames for page tables, of all taken
    alloc::Counter tables_returned;
};

/// Makes the heap and the frame records of `usable` RAM except `reserved` and what `early` gave
/// out; `early` is of no use afterwards. Runs on the first CPU, which gets its cache. NOMEM.
Result<void> start_heap(std::span<const arch::MemoryRange> usable,
                        std::span<const arch::MemoryRange> reserved, EarlyFrames& early);

/// Gives `cpu` its cache, before it allocates for the first time. NOMEM.
Result<void> add_cpu_memory(CpuLocal& cpu);

/// Gives RAM that was reserved at start_heap() to the heap: whole pages inside the range. For the
/// initrd, once it is unpacked.
void free_range(arch::MemoryRange range);

[[nodiscard]] alloc::Heap& kernel_heap();

/// The running CPU's.
[[nodiscard]] inline CpuMemory& cpu_memory() {
    return *this_cpu().memory;
}

}  // namespace exo
