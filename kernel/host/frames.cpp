// kernel/mm/frames.h and the kernel's heap over the host's memory, with allocations that fail when
// a test wants them to. A frame's address is that of the host's memory counted from the direct map,
// modulo 2^64, so that direct() finds it.
#include "kernel/mm/frames.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#include "kernel/host/cpu.h"
#include "kernel/mm/zero_page.h"
#include "lib/base/panic.h"

namespace exo {

namespace {

/// What the host pretends to have.
constexpr std::uint64_t kFrames = (std::uint64_t{64} << 20) / kPageSize;

/// The pointer is for LeakSanitizer: it sees no owner, since those know the frame by its address.
/// Tests count frames_in_use() where it matters.
struct Record {
    std::uint32_t references = 0;
    void* memory = nullptr;
};

struct Records {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, Record> frames;
};

Records& records() {
    static Records& all = *new Records;  // there until the end of the process
    return all;
}

void* memory_of(PhysAddr frame) {
    return direct_pointer<void>(frame);
}

/// A frame, or a run of them that is counted as one.
Result<PhysAddr> take(std::size_t bytes, Fill fill) {
    if (host::allocation_fails() || host::frames_in_use() >= kFrames) return Errno::NOMEM;
    void* memory = std::aligned_alloc(kPageSize, bytes);
    EXO_CHECK(memory != nullptr, "the host is out of memory");
    // What nobody filled shows as such.
    std::memset(memory, fill == Fill::kZero ? 0 : 0xa5, bytes);
    const PhysAddr frame = physical_of(memory);
    const std::lock_guard lock(records().mutex);
    records().frames[frame.value] = {1, memory};
    return frame;
}

alignas(kPageSize) constexpr std::byte kZeroes[kPageSize] = {};

class HostTableFrames final : public arch::TableFrames {
  public:
    Result<PhysAddr> allocate() override { return allocate_table_frame(); }
};

}  // namespace

namespace host {

std::uint64_t frames_in_use() {
    const std::lock_guard lock(records().mutex);
    return records().frames.size();
}

}  // namespace host

Result<PhysAddr> allocate_frame(Fill fill) {
    return take(kPageSize, fill);
}

Result<PhysAddr> allocate_frame_run(unsigned log2_frames) {
    return take(kPageSize << log2_frames, Fill::kNone);
}

void free_frame_run(PhysAddr frames, unsigned /*log2_frames*/) {
    unref_frame(frames);
}

void ref_frame(PhysAddr frame) {
    const std::lock_guard lock(records().mutex);
    const auto record = records().frames.find(frame.value);
    if (record != records().frames.end()) ++record->second.references;
}

void unref_frame(PhysAddr frame) {
    if (release_table_frame(frame)) free_table_frame(frame);
}

std::uint32_t frame_references(PhysAddr frame) {
    const std::lock_guard lock(records().mutex);
    const auto record = records().frames.find(frame.value);
    return record == records().frames.end() ? 0 : record->second.references;
}

Result<PhysAddr> allocate_table_frame() {
    return allocate_frame(Fill::kZero);
}

bool release_table_frame(PhysAddr frame) {
    const std::lock_guard lock(records().mutex);
    const auto record = records().frames.find(frame.value);
    return record != records().frames.end() && --record->second.references == 0;
}

void free_table_frame(PhysAddr frame) {
    const std::lock_guard lock(records().mutex);
    EXO_CHECK(records().frames.erase(frame.value) == 1, "a frame is freed twice");
    std::free(memory_of(frame));
}

arch::TableFrames& table_frames() {
    static HostTableFrames frames;
    return frames;
}

Result<void> reclaim() {
    return Errno::NOMEM;
}

MemoryUse memory_use() {
    const std::uint64_t free = kFrames - host::frames_in_use();
    return {.total_bytes = kFrames * kPageSize, .free_bytes = free * kPageSize, .kernel_bytes = 0};
}

PhysAddr zero_page() {
    return physical_of(kZeroes);
}

}  // namespace exo

// The kernel allocates by the forms that may fail; GoogleTest and the C++ library by the others,
// which do not. ThreadSanitizer has its own: only frames can be made to fail under it.
#if !__has_feature(thread_sanitizer)
static void* allocate_aligned(std::size_t bytes, std::align_val_t align) {
    const auto alignment = static_cast<std::size_t>(align);
    return std::aligned_alloc(alignment, exo::align_up(bytes, alignment));
}

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return exo::host::allocation_fails() ? nullptr : std::malloc(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
    return exo::host::allocation_fails() ? nullptr : allocate_aligned(bytes, align);
}
void* operator new(std::size_t bytes) {
    void* memory = std::malloc(bytes);
    EXO_CHECK(memory != nullptr, "the host is out of memory");
    return memory;
}
void* operator new(std::size_t bytes, std::align_val_t align) {
    void* memory = allocate_aligned(bytes, align);
    EXO_CHECK(memory != nullptr, "the host is out of memory");
    return memory;
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
#endif
