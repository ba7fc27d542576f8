#include "kernel/mm/zero_page.h"

#include <cstddef>

namespace exo {

namespace {
alignas(kPageSize) constinit const std::byte zeroes[kPageSize] = {};
}

PhysAddr zero_page() {
    return PhysAddr(VirtAddr(reinterpret_cast<std::uint64_t>(&zeroes)) - kKernelImage);
}

}  // namespace exo
