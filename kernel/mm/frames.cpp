#include "kernel/mm/frames.h"

#include <algorithm>
#include <array>

#include "kernel/arch/page_copy.h"
#include "kernel/mm/failing.h"
#include "kernel/mm/frame_records.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/reserve.h"
#include "lib/base/panic.h"

namespace exo {

namespace {

/// Of frames that are not the heap's: nothing is counted.
constexpr std::uint32_t kUncounted = ~std::uint32_t{0};
constexpr std::uint32_t kMostReferences = std::uint32_t{1} << 31;

constinit std::span<Frame> records;
constinit std::uint64_t total_bytes = 0;

constexpr std::size_t kMaxCpus = 64;
constinit std::array<Atomic<const CpuMemory*>, kMaxCpus> cpus;
constinit Atomic<std::uint32_t> cpu_count{0};

/// The record of a frame; nullptr: it is not RAM.
Frame* record_of(PhysAddr frame) {
    const std::uint64_t number = frame.value / kPageSize;
    return number < records.size() ? &records[number] : nullptr;
}

Result<void*> allocate_page() {
    return kernel_heap().allocate_aligned(*cpu_memory().cache, kPageSize, kPageSize);
}

enum class For : std::uint8_t { kProgram, kKernel };

Result<PhysAddr> take_frame(Fill fill, For whom) {
    if (allocation_is_to_fail()) return Errno::NOMEM;
    if (whom == For::kProgram && reserve_is_wanted()) TRY(restore_reserve());
    auto memory = allocate_page();
    if (!memory && reclaim()) memory = allocate_page();
    while (!memory && whom == For::kKernel && lend_reserve()) memory = allocate_page();
    void* const page = TRY(std::move(memory));
    if (fill == Fill::kZero) clear_page(page);
    const PhysAddr frame = physical_of(page);
    // relaxed: nobody else knows the frame yet; whoever publishes it orders this before.
    record_of(frame)->references.store(1, std::memory_order_relaxed);
    cpu_memory().frames_taken.add(1);
    return frame;
}

/// Gives one reference back; true: it was the last.
bool drop_reference(PhysAddr frame) {
    Frame* const record = record_of(frame);
    if (record == nullptr) return false;
    // Sole owner: nobody can copy a reference that only the caller holds, so no locked operation.
    if (record->references.load(std::memory_order_acquire) == 1) {
        record->references.store(0, std::memory_order_relaxed);
    } else {
        if (record->references.load(std::memory_order_relaxed) == kUncounted) return false;
        // Release: our use of the frame comes before its reuse. Acquire: the others' does.
        const std::uint32_t before = record->references.fetch_sub(1, std::memory_order_acq_rel);
        EXO_CHECK(before != 0, "reference to a frame given back twice");
        if (before != 1) return false;
    }
    return true;
}

void free_frame(PhysAddr frame) {
    cpu_memory().frames_returned.add(1);
    kernel_heap().free(*cpu_memory().cache, direct_pointer<void>(frame));
}

class HeapTableFrames final : public arch::TableFrames {
  public:
    Result<PhysAddr> allocate() override { return allocate_table_frame(); }
};

constinit HeapTableFrames heap_table_frames;

}  // namespace

Result<void> create_frame_records(std::uint64_t count, EarlyFrames& early) {
    const PhysAddr memory = TRY(early.allocate_bytes(count * sizeof(Frame)));
    records = {direct_pointer<Frame>(memory), static_cast<std::size_t>(count)};
    for (Frame& record : records) record.references.store(kUncounted, std::memory_order_relaxed);
    return {};
}

void open_frame_records(PhysAddr begin, std::uint64_t bytes) {
    for (Frame& record : records.subspan(begin.value / kPageSize, bytes / kPageSize)) {
        record.references.store(0, std::memory_order_relaxed);
    }
}

void note_total_memory(std::span<const arch::MemoryRange> usable) {
    for (const auto& range : usable) total_bytes += range.end - range.begin;
}

void note_cpu_memory(const CpuMemory& cpu) {
    const std::uint32_t at = cpu_count.fetch_add(1, std::memory_order_relaxed);
    EXO_CHECK(at < kMaxCpus, "more CPUs than memory_use() counts");
    cpus[at].store(&cpu, std::memory_order_release);
}

Result<PhysAddr> allocate_frame(Fill fill) {
    return take_frame(fill, For::kProgram);
}

Result<PhysAddr> allocate_frame_run(unsigned log2_frames) {
    if (allocation_is_to_fail() || reserve_is_wanted()) return Errno::NOMEM;
    CpuMemory& memory = cpu_memory();
    void* const run =
        TRY(kernel_heap().allocate_aligned(*memory.cache, kPageSize << log2_frames, kPageSize));
    memory.frames_taken.add(std::uint64_t{1} << log2_frames);
    return physical_of(run);
}

void free_frame_run(PhysAddr frames, unsigned log2_frames) {
    CpuMemory& memory = cpu_memory();
    memory.frames_returned.add(std::uint64_t{1} << log2_frames);
    kernel_heap().free(*memory.cache, direct_pointer<void>(frames));
}

void ref_frame(PhysAddr frame) {
    Frame* const record = record_of(frame);
    if (record == nullptr) return;
    if (record->references.load(std::memory_order_relaxed) == kUncounted) return;
    // relaxed: the caller holds a reference or the lock that protects one.
    const std::uint32_t before = record->references.fetch_add(1, std::memory_order_relaxed);
    EXO_CHECK(before != 0 && before < kMostReferences,
              "reference to a free frame, or far too many");
}

void unref_frame(PhysAddr frame) {
    if (drop_reference(frame)) free_frame(frame);
}

std::uint32_t frame_references(PhysAddr frame) {
    const Frame* const record = record_of(frame);
    if (record == nullptr) return 0;
    // acquire: seeing 1, the caller may write where former owners read.
    const std::uint32_t count = record->references.load(std::memory_order_acquire);
    return count == kUncounted ? 0 : count;
}

Result<PhysAddr> allocate_table_frame() {
    const PhysAddr frame = TRY(take_frame(Fill::kZero, For::kKernel));
    cpu_memory().tables_taken.add(1);
    return frame;
}

bool release_table_frame(PhysAddr frame) {
    return drop_reference(frame);
}

void free_table_frame(PhysAddr frame) {
    EXO_CHECK(frame_references(frame) == 0, "a page table that is in use is freed");
    cpu_memory().tables_returned.add(1);
    free_frame(frame);
}

arch::TableFrames& table_frames() {
    return heap_table_frames;
}

MemoryUse memory_use() {
    const alloc::HeapStats heap = kernel_heap().stats();
    const std::uint64_t held = heap.slab_bytes + heap.run_bytes;
    // What is in slabs and magazines but with nobody can be had by allocating the same size.
    const std::uint64_t unused = held - std::min<std::uint64_t>(held, heap.live_bytes);
    std::int64_t program_frames = 0;
    for (const auto& entry : cpus) {
        const CpuMemory* const cpu = entry.load(std::memory_order_acquire);
        if (cpu == nullptr) break;
        // Counted where it happens: one CPU may return what another took.
        program_frames +=
            static_cast<std::int64_t>(cpu->frames_taken.get() - cpu->frames_returned.get() -
                                      cpu->tables_taken.get() + cpu->tables_returned.get());
    }
    const std::uint64_t free_bytes = heap.dirty_bytes + unused;
    const std::uint64_t program_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(program_frames, 0)) * kPageSize;
    const std::uint64_t others = std::min(total_bytes, free_bytes + program_bytes);
    return {total_bytes, free_bytes, total_bytes - others};
}

}  // namespace exo
