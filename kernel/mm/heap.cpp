#include "kernel/mm/heap.h"

#include <algorithm>
#include <new>

#include "kernel/arch/random.h"
#include "kernel/mm/failing.h"
#include "kernel/mm/frame_records.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/reserve.h"
#include "lib/alloc/port.h"
#include "lib/base/cpu.h"
#include "lib/base/panic.h"

namespace exo {

namespace {

using arch::MemoryRange;

constinit alloc::Heap* heap = nullptr;

/// Calls `visit` with each part of `range` that is in none of `excluded`, in whole pages.
template <typename Visit>
void for_each_free(MemoryRange range, std::span<const MemoryRange> excluded, Visit visit) {
    range.begin = align_up<std::uint64_t>(range.begin, kPageSize);
    range.end = align_down<std::uint64_t>(range.end, kPageSize);
    while (range.begin < range.end) {
        // The first excluded part at or after the beginning.
        MemoryRange next{range.end, range.end};
        for (const MemoryRange& other : excluded) {
            const std::uint64_t begin = align_down<std::uint64_t>(other.begin, kPageSize);
            const std::uint64_t end = align_up<std::uint64_t>(other.end, kPageSize);
            if (begin < end && end > range.begin && begin < next.begin) next = {begin, end};
        }
        if (range.begin < next.begin) visit(MemoryRange{range.begin, next.begin});
        range.begin = next.end;
    }
}

void add_range(const MemoryRange& range) {
    open_frame_records(PhysAddr(range.begin), range.end - range.begin);
    heap->add(direct_pointer<std::byte>(PhysAddr(range.begin)), range.end - range.begin);
}

/// Memory of `bytes`; more tries after others gave some back, and out of the reserve.
void* allocate(std::size_t bytes) {
    if (allocation_is_to_fail()) return nullptr;
    void* memory = heap->allocate(*cpu_memory().cache, bytes);
    if (memory == nullptr && reclaim()) memory = heap->allocate(*cpu_memory().cache, bytes);
    while (memory == nullptr && lend_reserve()) memory = heap->allocate(*cpu_memory().cache, bytes);
    return memory;
}

void* allocate(std::size_t bytes, std::align_val_t alignment) {
    if (allocation_is_to_fail()) return nullptr;
    const auto align = static_cast<std::size_t>(alignment);
    auto memory = heap->allocate_aligned(*cpu_memory().cache, bytes, align);
    if (!memory && reclaim()) {
        memory = heap->allocate_aligned(*cpu_memory().cache, bytes, align);
    }
    while (!memory && lend_reserve())
        memory = heap->allocate_aligned(*cpu_memory().cache, bytes, align);
    return memory.value_or(nullptr);
}

void release(void* memory) {
    heap->free(*cpu_memory().cache, memory);
}

}  // namespace

Result<void> start_heap(std::span<const MemoryRange> usable, std::span<const MemoryRange> reserved,
                        EarlyFrames& early) {
    // Numbers of heap records are 32 bits wide and count in units of 64 bytes.
    constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 38;
    std::uint64_t end = 0;
    for (const MemoryRange& range : usable) end = std::max(end, range.end);
    end = align_down<std::uint64_t>(std::min(end, kMostBytes), kPageSize);

    alloc::Source source;
    source.base = direct_pointer<std::byte>(PhysAddr(0));
    source.bytes = end;
    source.secret = arch::random_seed();
    const PhysAddr records = TRY(early.allocate_bytes(alloc::Heap::record_bytes(end)));
    source.records = direct_pointer<std::byte>(records);
    TRY(create_frame_records(end / kPageSize, early));
    heap = TRY(alloc::Heap::create(source));

    constexpr std::size_t kMostReserved = 8;
    std::array<MemoryRange, kMostReserved> excluded{early.taken()};
    EXO_CHECK(reserved.size() < kMostReserved, "more reserved ranges than start_heap() takes");
    std::ranges::copy(reserved, excluded.begin() + 1);
    for (MemoryRange range : usable) {
        range.end = std::min(range.end, end);
        for_each_free(range, std::span(excluded).first(reserved.size() + 1), add_range);
    }
    note_total_memory(usable);
    return add_cpu_memory(this_cpu());
}

Result<void> add_cpu_memory(CpuLocal& cpu) {
    void* memory = heap->allocate_uncached(sizeof(CpuMemory));
    if (memory == nullptr) return Errno::NOMEM;
    auto* cpu_memory = new (memory) CpuMemory{};
    cpu_memory->cache = TRY(heap->create_cache());
    note_cpu_memory(*cpu_memory);
    cpu.memory = cpu_memory;
    return {};
}

void free_range(MemoryRange range) {
    for_each_free(range, {}, add_range);
}

alloc::Heap& kernel_heap() {
    return *heap;
}

Result<void> reclaim() {
    const std::size_t before = heap->buddy().usage().used_pages;
    static_cast<void>(heap->trim(cpu_memory().cache, 0));
    if (heap->buddy().usage().used_pages >= before) return Errno::NOMEM;
    return {};
}

namespace alloc::port {

// Holders of the heap's locks run with interrupts perhaps on but never lose their CPU.
void lock_wait(Atomic<std::uint32_t>&, std::uint32_t) {
    cpu_relax();
}

void lock_wake(Atomic<std::uint32_t>&) {}

}  // namespace alloc::port

}  // namespace exo

namespace std {
const nothrow_t nothrow{};
}

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return exo::allocate(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return exo::allocate(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return exo::allocate(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
    return exo::allocate(bytes, alignment);
}
void operator delete(void* memory) noexcept {
    exo::release(memory);
}
void operator delete[](void* memory) noexcept {
    exo::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    exo::release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    exo::release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    exo::release(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    exo::release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    exo::release(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    exo::release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    exo::release(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
    exo::release(memory);
}
