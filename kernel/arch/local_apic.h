// The interrupt controller and timer of each CPU (Intel SDM vol. 3A chapter 10): x2APIC where CPUID
// announces it, else its registers in memory.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"

namespace exo::arch {

/// Vectors of this kernel's own interrupts, above those of devices; the higher, the more urgent.
inline constexpr std::uint8_t kFirstDeviceVector = 0x30;
inline constexpr std::uint8_t kTimerVector = 0xf0;
inline constexpr std::uint8_t kRescheduleVector = 0xf1;
inline constexpr std::uint8_t kShootdownVector = 0xf2;
inline constexpr std::uint8_t kStopVector = 0xf3;  ///< halts the CPU for good
inline constexpr std::uint8_t kSpuriousVector = 0xff;

/// Once, before the others: where the registers are mapped, which x2APIC does not need.
void set_local_apic(VirtAddr registers);

/// Switches on the controller of this CPU and measures its timer by the clock (10 ms, once).
void start_local_apic();

[[nodiscard]] std::uint32_t local_apic_id();

/// To be called by every handler of a vector above 0x20, but for spurious ones.
void end_of_interrupt();

/// Interrupts the CPU with that APIC id.
void send_ipi(std::uint32_t apic_id, std::uint8_t vector);

/// kTimerVector on this CPU in `ns` from now, once; replaces an earlier setting. At least one tick.
void set_timer(std::uint64_t ns);
void stop_timer();

/// Resets the CPU with that APIC id and starts it in real mode at `page` * 4096 (SDM 8.4.4.1).
void start_cpu(std::uint32_t apic_id, std::uint8_t page);

}  // namespace exo::arch
