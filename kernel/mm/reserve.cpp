#include "kernel/mm/reserve.h"

#include <algorithm>
#include <array>

#include "kernel/mm/frames.h"
#include "kernel/mm/heap.h"
#include "lib/base/atomic.h"

namespace exo {

namespace {

/// Above the size classes: whole pages of the buddy allocator, which go back to it at once.
constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::size_t kMostPieces = 64;

// Slots are taken and filled by exchange (acq_rel: who takes a piece comes after who put it there).
constinit std::array<Atomic<void*>, kMostPieces> pieces{};
constinit std::size_t piece_count = 0;  // constant after start_reserve()

/// Some piece is lent, and programs wait for it. relaxed: a hint to both sides; a page too many or
/// too few for a program does no harm.
constinit Atomic<bool> wanted{false};

bool fill(Atomic<void*>& slot) {
    if (slot.load(std::memory_order_relaxed) != nullptr) return true;
    void* const piece = kernel_heap().allocate(*cpu_memory().cache, kPieceBytes);
    if (piece == nullptr) return false;
    void* expected = nullptr;
    if (!slot.compare_exchange_strong(expected, piece, std::memory_order_acq_rel))
        kernel_heap().free(*cpu_memory().cache, piece);
    return true;
}

}  // namespace

Result<void> start_reserve() {
    constexpr std::uint64_t kLeast = 4;
    const std::uint64_t wished = memory_use().total_bytes / 256 / kPieceBytes;
    piece_count = std::clamp<std::uint64_t>(wished, kLeast, kMostPieces);
    return restore_reserve();
}

bool lend_reserve() {
    for (std::size_t i = 0; i < piece_count; ++i) {
        void* const piece = pieces[i].exchange(nullptr, std::memory_order_acq_rel);
        if (piece == nullptr) continue;
        wanted.store(true, std::memory_order_relaxed);
        kernel_heap().free(*cpu_memory().cache, piece);
        return true;
    }
    return false;
}

Result<void> restore_reserve() {
    for (std::size_t i = 0; i < piece_count; ++i)
        if (!fill(pieces[i])) return Errno::NOMEM;
    wanted.store(false, std::memory_order_relaxed);
    return {};
}

bool reserve_is_wanted() {
    return wanted.load(std::memory_order_relaxed);
}

void reserve_relieved() {
    static_cast<void>(reclaim());
    // What cannot be had again now, because what came back is in pieces, is done without.
    static_cast<void>(restore_reserve());
    wanted.store(false, std::memory_order_relaxed);
}

}  // namespace exo
