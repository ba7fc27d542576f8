#include "kernel/core/interrupts.h"

#include "kernel/arch/io_apic.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/log.h"
#include "kernel/core/program_time.h"
#include "kernel/core/scheduler.h"
#include "lib/base/atomic.h"
#include "lib/base/cpu.h"

namespace exo {

namespace {

constinit Atomic<InterruptHandler> handlers[256] = {};
constinit Atomic<std::uint32_t> next_vector{arch::kFirstDeviceVector};
constinit acpi::Bounded<acpi::InterruptOverride, 24> overrides;

struct Wiring {
    std::uint32_t global;
    arch::Trigger trigger = arch::Trigger::kEdge;
    arch::Polarity polarity = arch::Polarity::kHigh;
};

// ISA lines are wired one to one, edge and active high, unless ACPI says otherwise (5.2.12.5).
Wiring wiring_of(unsigned line) {
    for (const auto& each : overrides.all()) {
        if (each.source != line) continue;
        Wiring wiring{.global = each.global};
        if ((each.flags & 3) == 3) wiring.polarity = arch::Polarity::kLow;
        if ((each.flags >> 2 & 3) == 3) wiring.trigger = arch::Trigger::kLevel;
        return wiring;
    }
    return {.global = line};
}

}  // namespace

void set_interrupt_handler(std::uint8_t vector, InterruptHandler handler) {
    handlers[vector].store(handler, std::memory_order_release);
}

void start_interrupts(const acpi::Platform& platform, MapRegisters map) {
    overrides = platform.overrides;
    for (const auto& each : platform.io_apics.all()) {
        const VirtAddr registers = map(each.address);
        if (registers.value == 0) continue;
        if (!arch::add_io_apic(registers, each.first_interrupt)) {
            log(LogLevel::kWarning, "irq", "too many IO-APICs: {:#x} is left out", each.address);
        }
    }
}

Result<void> connect_isa_interrupt(unsigned line, InterruptHandler handler) {
    const std::uint32_t vector = next_vector.fetch_add(1, std::memory_order_relaxed);
    if (vector >= arch::kTimerVector) return Errno::NOSPC;
    set_interrupt_handler(static_cast<std::uint8_t>(vector), handler);
    const Wiring wiring = wiring_of(line);
    return arch::route_interrupt(wiring.global, static_cast<std::uint8_t>(vector),
                                 arch::local_apic_id(), wiring.trigger, wiring.polarity);
}

std::uint64_t arch::upcall::left_program() {
    const std::uint64_t now = read_tsc();
    leave_program(now);
    return now;
}

void arch::upcall::interrupt(std::uint8_t vector) {
    if (vector == kSpuriousVector) return;
    CpuLocal& cpu = this_cpu();
    ++cpu.interrupt_depth;
    const std::uint32_t held_before = cpu.held_before;
    cpu.held_before = cpu.held_count;
    end_of_interrupt();
    const bool tick = vector == kTimerVector || vector == kRescheduleVector;
    const auto handler = handlers[vector].load(std::memory_order_acquire);
    cpu.trace.note(read_tsc(), TraceKind::kInterrupt, vector,
                   reinterpret_cast<std::uintptr_t>(tick ? nullptr : handler));
    if (tick) {
        scheduler_tick();
    } else if (handler != nullptr) {
        handler(vector);
    }
    cpu.held_before = held_before;
    --cpu.interrupt_depth;
}

}  // namespace exo
