// Physical memory, frame by frame. Frames come from lib/alloc's buddy over the direct map, the same
// heap that serves small objects (heap.h); each has a record here with its reference count. A frame
// is given back by its last reference.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"
#include "kernel/arch/boot_info.h"
#include "lib/base/atomic.h"
#include "lib/base/result.h"

namespace exo {

/// The record of one frame. References: page-table entries that map it (one for a table shared by
/// several address spaces), page caches, pinned I/O.
struct Frame {
    Atomic<std::uint32_t> references{0};
};

enum class Fill : std::uint8_t { kZero, kNone };

/// One frame with one reference. NOMEM: none left, after reclaim was tried. May be called with spin
/// locks held.
Result<PhysAddr> allocate_frame(Fill fill);
void ref_frame(PhysAddr frame);
/// Frees it with the last reference. Frames that are not RAM (devices) have no record: ignored.
void unref_frame(PhysAddr frame);
[[nodiscard]] std::uint32_t frame_references(PhysAddr frame);

struct MemoryUse {
    std::uint64_t total_bytes;   ///< RAM the kernel was given
    std::uint64_t free_bytes;    ///< could be allocated now
    std::uint64_t kernel_bytes;  ///< heap, tables, records, image
};
[[nodiscard]] MemoryUse memory_use();

}  // namespace exo
