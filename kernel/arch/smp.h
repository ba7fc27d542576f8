// Starting the other CPUs.
#pragma once

#include <cstdint>

#include "kernel/arch/page_table.h"

namespace exo::arch {

/// Starts the CPU with that APIC id at `entry(argument)`, on `tables` and the stack that ends at
/// `stack_top`. One CPU at a time: `entry` has begun, or the CPU is known dead, before the next
/// call. `page` is a free frame below 1 MiB.
void launch_cpu(std::uint32_t apic_id, PhysAddr page, const PageTable& tables, VirtAddr stack_top,
                void (*entry)(void* argument), void* argument);

}  // namespace exo::arch
