// What the rest of the kernel may ask of a processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::arch {

/// Descriptor tables and trap stacks of one CPU; what is inside is arch's. Zeroed at first.
struct alignas(16) CpuTables {
    static constexpr std::size_t kBytes = 25 * 1024;
    std::byte storage[kBytes];
};

/// Gives the CPU this runs on its tables and switches its protection on: SMEP, SMAP, UMIP, NX and
/// WP where CPUID has them; panics without NX.
void init_cpu(CpuTables& tables);

/// Makes GS point to this CPU's own data, which has the CPU's number at kCpuNumberOffset.
void set_cpu_local(void* data);
inline constexpr std::size_t kCpuNumberOffset = 48;

/// The number of the CPU this runs on.
[[nodiscard]] inline std::uint32_t cpu_number() {
    std::uint32_t number;
    asm volatile("movl %%gs:%c1, %0" : "=r"(number) : "i"(kCpuNumberOffset));
    return number;
}

/// Whether programs get this CPU's number by RDTSCP, and what it gives on this CPU.
[[nodiscard]] bool has_cpu_number();
void set_cpu_number(std::uint32_t number);

/// Names what init_cpu() switched on, for the log: "nx wp smep smap umip".
[[nodiscard]] const char* cpu_protections();

/// What CPUID leaf 1 says in EDX: AT_HWCAP of programs (getauxval(3)).
[[nodiscard]] std::uint32_t program_features();

/// What CPUID says of this CPU, for /proc/cpuinfo; NUL-terminated.
struct CpuName {
    char vendor[13];
    char brand[49];
    std::uint32_t family, model, stepping;
};
[[nodiscard]] CpuName cpu_name();

/// Where in the machine a CPU is: threads of one core have the same place.
struct CpuPlace {
    std::uint32_t package;
    std::uint32_t core;  ///< within the package
    bool operator==(const CpuPlace&) const = default;
};
[[nodiscard]] CpuPlace cpu_place(std::uint32_t apic_id);

/// Turns interrupts on and stops this CPU until one came; returns with interrupts off. An interrupt
/// that is pending already is taken, not slept over (STI's shadow, SDM vol. 2B).
void wait_for_interrupt();

/// Stops this CPU for good, interrupts off.
[[noreturn]] void halt_forever();

/// Ends the machine with `status` where it can be told (QEMU's isa-debug-exit: its exit code is
/// 2 * status + 1), else halts.
[[noreturn]] void exit_emulator(std::uint32_t status);

}  // namespace exo::arch
