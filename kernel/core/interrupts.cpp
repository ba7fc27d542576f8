#include "kernel/core/interrupts.h"

#include "kernel/arch/local_apic.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/scheduler.h"
#include "lib/base/atomic.h"

namespace exo {

namespace {
constinit Atomic<InterruptHandler> handlers[256] = {};
}

void set_interrupt_handler(std::uint8_t vector, InterruptHandler handler) {
    handlers[vector].store(handler, std::memory_order_release);
}

void arch::upcall::interrupt(std::uint8_t vector) {
    if (vector == kSpuriousVector) return;
    CpuLocal& cpu = this_cpu();
    ++cpu.interrupt_depth;
    end_of_interrupt();
    if (vector == kTimerVector || vector == kRescheduleVector) {
        scheduler_tick();
    } else if (const auto handler = handlers[vector].load(std::memory_order_acquire)) {
        handler(vector);
    }
    --cpu.interrupt_depth;
}

}  // namespace exo
