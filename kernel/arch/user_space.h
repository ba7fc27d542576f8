// The user half of an address space as the machine has it: page tables and the CPUs that have them
// loaded. What is mapped and why is kernel/mm's; this is entries and TLBs. The caller serialises
// changes to a range.
#pragma once

#include <cstdint>

#include "kernel/arch/page_table.h"
#include "lib/base/atomic.h"

namespace exo::arch {

class UserSpace {
  public:
    PhysAddr root;                  ///< top-level table, its upper half the kernel's
    Atomic<std::uint64_t> cpus{0};  ///< that may hold translations of it: bit n for CPU n
};

/// Loads `space` on this CPU, which ran `from` (nullptr: none); interrupts off. `space` nullptr:
/// the kernel's own tables.
void switch_space(UserSpace* from, UserSpace* space);

}  // namespace exo::arch
