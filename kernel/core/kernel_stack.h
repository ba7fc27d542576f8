// Kernel stacks, between unmapped guard pages; defined by kernel/mm. Given back ones are kept for
// the next thread, so that their mappings never change.
#pragma once

#include "kernel/arch/address.h"
#include "lib/base/result.h"

namespace exo {

/// The top of a stack of Thread::kStackBytes. NOMEM.
Result<VirtAddr> allocate_kernel_stack();
void free_kernel_stack(VirtAddr top);

}  // namespace exo
