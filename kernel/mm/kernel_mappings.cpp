#include "kernel/mm/kernel_mappings.h"

namespace exo {

Result<VirtAddr> KernelMappings::map_device(PhysAddr at, std::uint64_t size) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    if (size == 0 || size > kMost) return Errno::INVAL;
    const std::uint64_t offset = at.value % kPageSize;
    const std::uint64_t pages = align_up<std::uint64_t>(offset + size, kPageSize);
    const VirtAddr begin = next_;
    TRY(tables_.map(begin, PhysAddr(at.value - offset), pages,
                    arch::Access::kWrite | arch::Access::kDevice | arch::Access::kGlobal, frames_));
    next_ += pages + kPageSize;  // an unmapped page between neighbours
    return begin + offset;
}

Result<VirtAddr> KernelMappings::map_stack(std::uint64_t size) {
    for (std::uint64_t mapped = 0; mapped < size; mapped += kPageSize) {
        const PhysAddr frame = TRY(frames_.allocate());
        TRY(tables_.map(next_ + mapped, frame, kPageSize,
                        arch::Access::kWrite | arch::Access::kGlobal, frames_));
    }
    const VirtAddr top = next_ + size;
    next_ = top + kPageSize;
    return top;
}

}  // namespace exo
