#include "kernel/mm/kernel_space.h"

#include <algorithm>

#include "kernel/arch/user_space.h"

extern "C" {
// From linker.ld.
extern char kernel_phys[], kernel_text_start[], kernel_text_end[], kernel_rodata_end[],
    kernel_end[];
}

namespace exo {

namespace {

using arch::Access;
using arch::PageTable;

VirtAddr symbol(const char* at) {
    return VirtAddr(reinterpret_cast<std::uint64_t>(at));
}

PhysAddr image_frame(VirtAddr at) {
    return PhysAddr(at - kKernelImage);
}

Result<void> map_image(PageTable& tables, arch::TableFrames& frames) {
    struct Part {
        VirtAddr begin, end;
        Access access;
    };
    const Part parts[] = {
        {symbol(kernel_text_start), symbol(kernel_text_end), Access::kExecute},
        {symbol(kernel_text_end), symbol(kernel_rodata_end), Access::kRead},
        {symbol(kernel_rodata_end), symbol(kernel_end), Access::kWrite},
    };
    for (const Part& part : parts) {
        TRY(tables.map(part.begin, image_frame(part.begin), part.end - part.begin,
                       part.access | Access::kGlobal, frames));
    }
    return {};
}

// RAM, but for the image's text and constants, which the direct map shows read-only.
Result<void> map_range(PageTable& tables, arch::MemoryRange range, arch::TableFrames& frames) {
    const std::uint64_t fixed_begin = image_frame(symbol(kernel_text_start)).value;
    const std::uint64_t fixed_end = image_frame(symbol(kernel_rodata_end)).value;
    range.begin = align_down<std::uint64_t>(range.begin, kPageSize);
    range.end = align_up<std::uint64_t>(range.end, kPageSize);
    while (range.begin < range.end) {
        std::uint64_t end = range.end;
        Access access = Access::kWrite | Access::kGlobal;
        if (range.begin < fixed_begin) {
            end = std::min(end, fixed_begin);
        } else if (range.begin < fixed_end) {
            end = std::min(end, fixed_end);
            access = Access::kRead | Access::kGlobal;
        }
        const PhysAddr from(range.begin);
        TRY(tables.map(direct(from), from, end - range.begin, access, frames));
        range.begin = end;
    }
    return {};
}

}  // namespace

arch::MemoryRange kernel_image_frames() {
    return {reinterpret_cast<std::uint64_t>(kernel_phys), image_frame(symbol(kernel_end)).value};
}

Result<PageTable> make_kernel_space(std::span<const arch::MemoryRange> usable,
                                    arch::TableFrames& frames) {
    PageTable tables(TRY(frames.allocate()));
    TRY(map_image(tables, frames));
    for (const auto& range : usable) TRY(map_range(tables, range, frames));
    tables.activate();
    arch::set_kernel_tables(tables);
    return tables;
}

}  // namespace exo
