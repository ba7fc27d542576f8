#include "kernel/mm/kernel_mappings.h"

#include <optional>

#include "kernel/mm/frames.h"
#include "lib/base/panic.h"

namespace exo {

namespace {

using arch::Access;

constinit std::optional<KernelMappings> mappings;

void drop_table_frame(PhysAddr frame) {
    if (release_table_frame(frame)) free_table_frame(frame);
}

/// Takes back the pages of a stack that was not finished. Nobody used them: no TLB knows them.
void unmap_unused(arch::PageTable& tables, VirtAddr begin, VirtAddr end) {
    for (VirtAddr at = begin; at < end; at += kPageSize) {
        drop_table_frame(tables.unmap_page(at));
    }
}

}  // namespace

Result<VirtAddr> KernelMappings::map_device(PhysAddr at, std::uint64_t size) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    if (size == 0 || size > kMost) return Errno::INVAL;
    const std::uint64_t offset = at.value % kPageSize;
    const std::uint64_t bytes = align_up<std::uint64_t>(offset + size, kPageSize);
    auto state = state_.lock();
    const VirtAddr begin = state->next;
    state->next += bytes + kPageSize;  // an unmapped page between neighbours
    TRY(state->tables.map(begin, PhysAddr(at.value - offset), bytes,
                          Access::kWrite | Access::kDevice | Access::kGlobal, table_frames()));
    return begin + offset;
}

Result<VirtAddr> KernelMappings::map_stack(std::uint64_t size) {
    auto state = state_.lock();
    const VirtAddr begin = state->next;
    for (VirtAddr at = begin; at < begin + size; at += kPageSize) {
        const auto frame = allocate_table_frame();
        Result<void> mapped = Errno::NOMEM;
        if (frame) {
            mapped = state->tables.map(at, *frame, kPageSize, Access::kWrite | Access::kGlobal,
                                       table_frames());
            if (!mapped) drop_table_frame(*frame);
        }
        if (!mapped) {
            unmap_unused(state->tables, begin, at);
            return mapped.error();
        }
    }
    state->next += size + kPageSize;
    return begin + size;
}

void start_kernel_mappings(arch::PageTable tables) {
    mappings.emplace(tables);
}

KernelMappings& kernel_mappings() {
    EXO_ASSERT(mappings.has_value());
    return *mappings;
}

}  // namespace exo
