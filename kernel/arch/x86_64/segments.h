// Selectors of the GDT (Intel SDM vol. 3A 3.4.5). Their order is what SYSCALL and SYSRET expect
// (vol. 2B, IA32_STAR): kernel code, kernel data; user data, user code.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"
#include "kernel/arch/cpu.h"

namespace exo::arch {

inline constexpr std::uint16_t kKernelCode = 0x08;
inline constexpr std::uint16_t kKernelData = 0x10;
inline constexpr std::uint16_t kUserData = 0x18 | 3;
inline constexpr std::uint16_t kUserCode = 0x20 | 3;
inline constexpr std::uint16_t kTaskState = 0x28;

/// Entries of the interrupt stack table: traps that may come on a broken stack, or at any moment.
enum class TrapStack : std::uint8_t { kCurrent = 0, kNmi = 1, kDoubleFault = 2, kMachineCheck = 3 };
inline constexpr unsigned kTrapStacks = 3;
inline constexpr unsigned kTrapStackBytes = 8192;

/// GDT and TSS of this CPU, made in `tables`.
void load_segments(CpuTables& tables);
/// The one IDT of all CPUs; filled by the first to load it.
void load_interrupt_table();

}  // namespace exo::arch
