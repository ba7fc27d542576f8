// Kernel stacks (kernel/core/kernel_stack.h): mapped once, between guard pages, and kept.
#include "kernel/core/kernel_stack.h"

#include "kernel/core/spin_lock.h"
#include "kernel/core/thread.h"
#include "kernel/mm/kernel_mappings.h"

namespace exo {

namespace {

/// What a stack that nobody uses holds in its last word.
using NextFree = std::uint64_t;

constinit Locked<NextFree, SpinLock<LockRank::kFrames>> first_free{std::uint64_t{0}};

NextFree& link_of(std::uint64_t top) {
    return *reinterpret_cast<NextFree*>(top - sizeof(NextFree));
}

}  // namespace

Result<VirtAddr> allocate_kernel_stack() {
    {
        auto first = first_free.lock();
        if (*first != 0) {
            const VirtAddr top(*first);
            *first = link_of(top.value);
            return top;
        }
    }
    return kernel_mappings().map_stack(Thread::kStackBytes);
}

void free_kernel_stack(VirtAddr top) {
    auto first = first_free.lock();
    link_of(top.value) = *first;
    *first = top.value;
}

}  // namespace exo
