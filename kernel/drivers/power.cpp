#include "kernel/drivers/power.h"

#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/interrupts.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/power.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/log.h"
#include "kernel/core/scheduler.h"

namespace exo {

namespace {

constexpr std::string_view kTag = "reboot";

// Of the PM1 control registers (ACPI 4.8.3.2.1) and of the sleep control register (4.8.3.7).
constexpr unsigned kPm1TypeShift = 10, kControlTypeShift = 2;
constexpr std::uint16_t kPm1TypeMask = 7 << kPm1TypeShift, kPm1Enable = 1 << 13;
constexpr std::uint8_t kControlEnable = 1 << 5;

/// How long a register may take to act.
constexpr std::uint64_t kPatienceNs = 100'000'000;

/// A byte-wide register, mapped if it is in memory.
struct Register {
    acpi::Register at;
    VirtAddr mapped{0};

    void map(const acpi::Register& where, MapRegisters map_registers) {
        at = where;
        // A register may stand anywhere within its page.
        if (at.space == acpi::Space::kMemory && at.address != 0) {
            const std::uint64_t offset = at.address % kPageSize;
            mapped = map_registers(at.address - offset);
            if (mapped.value != 0) mapped = VirtAddr(mapped.value + offset);
        }
    }
    void write(std::uint8_t value) const {
        if (mapped.value != 0) *reinterpret_cast<volatile std::uint8_t*>(mapped.value) = value;
        if (at.space == acpi::Space::kPort)
            arch::write_port8(static_cast<std::uint16_t>(at.address), value);
    }
};

// Written once, before there is a second CPU.
constinit acpi::Platform machine;
constinit Register reset_register;
constinit Register sleep_control;
constinit char first_way = 'a';

void stop_other_cpus() {
    arch::disable_interrupts();
    for (std::uint32_t cpu = 0; cpu < online_cpus(); ++cpu)
        if (cpu != this_cpu().id) arch::send_ipi(cpu_local(cpu).apic_id, arch::kStopVector);
}

void wait_for_effect() {
    const std::uint64_t end = arch::now_ns() + kPatienceNs;
    while (arch::now_ns() < end) cpu_relax();
}

void write_pm1(std::uint32_t port, std::uint16_t type) {
    if (port == 0) return;
    const auto number = static_cast<std::uint16_t>(port);
    const auto kept = static_cast<std::uint16_t>(arch::read_port16(number) & ~kPm1TypeMask);
    arch::write_port16(number,
                       static_cast<std::uint16_t>(kept | type << kPm1TypeShift | kPm1Enable));
}

}  // namespace

void start_power(const acpi::Platform& platform, MapRegisters map, std::string_view reset) {
    machine = platform;
    if (!reset.empty() && (reset[0] == 'k' || reset[0] == 't')) first_way = reset[0];
    reset_register.map(platform.reset, map);
    sleep_control.map(platform.sleep_control, map);
    set_interrupt_handler(arch::kStopVector, [](std::uint8_t) { arch::halt_forever(); });
}

void power_off() {
    log(LogLevel::kEmergency, kTag, "Power down");
    stop_other_cpus();
    if (machine.has_power_off) {
        sleep_control.write(
            static_cast<std::uint8_t>(machine.sleep_type_a << kControlTypeShift | kControlEnable));
        write_pm1(machine.pm1a_control_port, machine.sleep_type_a);
        write_pm1(machine.pm1b_control_port, machine.sleep_type_b);
        wait_for_effect();
    }
    log(LogLevel::kEmergency, kTag, "cannot power off: System halted");
    arch::halt_forever();
}

void restart() {
    log(LogLevel::kEmergency, kTag, "Restarting system");
    stop_other_cpus();
    if (first_way == 'a') {
        reset_register.write(machine.reset_value);
        wait_for_effect();
    }
    if (first_way != 't') {
        arch::reset_by_keyboard_controller();
        wait_for_effect();
    }
    arch::reset_by_triple_fault();
}

void halt() {
    log(LogLevel::kEmergency, kTag, "System halted");
    stop_other_cpus();
    arch::halt_forever();
}

}  // namespace exo
