#include "kernel/smp.h"

#include <new>

#include "kernel/arch/clock.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/smp.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/kernel_stack.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/scheduler.h"
#include "kernel/mm/heap.h"
#include "lib/base/atomic.h"
#include "lib/base/cpu.h"

namespace exo {

namespace {

struct StartedCpu {
    CpuLocal* local;
    Atomic<bool> online{false};
};

/// Where another CPU begins, on the stack of its idle thread.
void run_other_cpu(void* argument) {
    auto& started = *static_cast<StartedCpu*>(argument);
    CpuLocal& local = *started.local;
    arch::set_cpu_local(&local);
    arch::init_cpu(local.tables);
    arch::start_local_apic();
    if (!start_scheduler()) panic("no memory for another CPU's scheduler");
    log_info("smp", "CPU {} (APIC {}) is up", local.id, arch::local_apic_id());
    started.online.store(true, std::memory_order_release);
    idle();
}

Result<void> start_other_cpu(std::uint32_t id, std::uint32_t apic_id,
                             const arch::PageTable& tables) {
    constexpr PhysAddr kTrampoline(0x8000);
    constexpr std::uint64_t kPatienceNs = 500'000'000;
    // Both stay even if the CPU does not start in time: it may come late.
    auto* local = new (std::nothrow) CpuLocal;
    auto* started = new (std::nothrow) StartedCpu{local};
    if (local == nullptr || started == nullptr) return Errno::NOMEM;
    local->self = local;
    local->id = id;
    local->apic_id = apic_id;
    TRY(add_cpu_memory(*local));
    register_cpu(*local);
    const VirtAddr stack_top = TRY(allocate_kernel_stack());
    arch::launch_cpu(apic_id, kTrampoline, tables, stack_top, run_other_cpu, started);
    const std::uint64_t begin = arch::now_ns();
    while (!started->online.load(std::memory_order_acquire)) {
        if (arch::now_ns() - begin > kPatienceNs) return Errno::TIMEDOUT;
        cpu_relax();
    }
    return {};
}

}  // namespace

void start_other_cpus(const acpi::Platform& platform, const arch::PageTable& tables) {
    const std::uint32_t self = arch::local_apic_id();
    std::uint32_t next_id = 1;
    for (const auto& cpu : platform.cpus.all()) {
        if (!cpu.enabled || cpu.apic_id == self) continue;
        const auto started = start_other_cpu(next_id, cpu.apic_id, tables);
        if (!started) {
            log(LogLevel::kError, "smp", "CPU with APIC {} did not start: {}", cpu.apic_id,
                errno_text(started.error()));
            // It may still come up late, on a number and a `started` of its own: no others then.
            return;
        }
        ++next_id;
    }
}

}  // namespace exo
