// The frames' records, as the heap's start needs them; everybody else uses frames.h.
#pragma once

#include <span>

#include "kernel/arch/boot_info.h"
#include "kernel/mm/early_frames.h"

namespace exo {

struct CpuMemory;

/// Records for frames 0 to `count`, none of them counted yet. NOMEM.
Result<void> create_frame_records(std::uint64_t count, EarlyFrames& early);
/// From now on the references of these frames are counted; there are none.
void open_frame_records(PhysAddr begin, std::uint64_t bytes);

/// For memory_use().
void note_total_memory(std::span<const arch::MemoryRange> usable);
void note_cpu_memory(const CpuMemory& cpu);

}  // namespace exo
