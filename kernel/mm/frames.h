// Physical memory, frame by frame. Frames come from lib/alloc over the direct map, the same heap
// that serves small objects (heap.h); each has a record here with its reference count. A frame is
// given back by its last reference.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"
#include "kernel/arch/boot_info.h"
#include "kernel/arch/page_table.h"
#include "lib/base/atomic.h"
#include "lib/base/result.h"

namespace exo {

/// The record of one frame. References: page-table entries that map it (one for a table shared by
/// several address spaces), page caches, pinned I/O.
struct Frame {
    Atomic<std::uint32_t> references{0};
};

enum class Fill : std::uint8_t { kZero, kNone };

/// One frame for a program, with one reference. NOMEM: none left but the reserve (reserve.h), after
/// reclaim was tried. May be called with spin
/// locks held, never from an interrupt handler.
Result<PhysAddr> allocate_frame(Fill fill);
void ref_frame(PhysAddr frame);
/// Frees it with the last reference. Frames that are not RAM of the heap's (devices, the kernel's
/// image) have no count: ignored, as by ref_frame().
void unref_frame(PhysAddr frame);
/// 2^log2_frames frames in one piece for what the kernel keeps for a program: never mapped, not
/// counted singly; contents undefined. NOMEM: not just now, without an attempt to reclaim: single
/// frames may be there.
Result<PhysAddr> allocate_frame_run(unsigned log2_frames);
void free_frame_run(PhysAddr frames, unsigned log2_frames);
/// 0: not counted. A count of 1 stays 1 while the caller holds that reference and keeps others from
/// copying it.
[[nodiscard]] std::uint32_t frame_references(PhysAddr frame);

/// Frames for page tables, counted apart in memory_use(); out of the reserve if there is no other.
Result<PhysAddr> allocate_table_frame();
/// Gives a reference back. True: it was the last, and what the table refers to is the caller's to
/// give back, then the frame itself by free_table_frame().
[[nodiscard]] bool release_table_frame(PhysAddr frame);
void free_table_frame(PhysAddr frame);
/// The same as a source for arch::PageTable, for the kernel's own tables.
[[nodiscard]] arch::TableFrames& table_frames();

/// Asks who holds memory that can be had again (page caches, by and by) to give some back. NOMEM:
/// nobody had any.
Result<void> reclaim();

struct MemoryUse {
    std::uint64_t total_bytes;   ///< RAM the kernel was given
    std::uint64_t free_bytes;    ///< could be allocated now
    std::uint64_t kernel_bytes;  ///< heap, tables, records, image, what is still reserved
};
[[nodiscard]] MemoryUse memory_use();

}  // namespace exo
