// Starting the other CPUs that ACPI lists, one after the other.
#pragma once

#include "kernel/arch/page_table.h"
#include "lib/acpi/platform.h"

namespace exo {

/// Each gets its CpuLocal, its idle thread and its scheduler, and begins to take threads. One that
/// does not start is logged and left out. After start_scheduler() on this CPU.
void start_other_cpus(const acpi::Platform& platform, const arch::PageTable& tables);

}  // namespace exo
