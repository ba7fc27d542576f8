// Masking interrupts on this CPU.
#pragma once

#include <cstdint>

namespace exo::arch {

/// Whether interrupts were on (RFLAGS.IF), to be given back by restore_interrupts().
enum class InterruptState : std::uint8_t { kOff, kOn };

/// Turns interrupts off; nests by keeping what it returns.
inline InterruptState disable_interrupts() {
    std::uint64_t flags;
    asm volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
    return (flags & 0x200) != 0 ? InterruptState::kOn : InterruptState::kOff;
}

inline void restore_interrupts(InterruptState state) {
    if (state == InterruptState::kOn) asm volatile("sti" ::: "memory");
}

inline void enable_interrupts() {
    asm volatile("sti" ::: "memory");
}

}  // namespace exo::arch
