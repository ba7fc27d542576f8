// The host's version of kernel/arch/interrupts.h, found before the machine's: a program cannot
// execute CLI, and a CPU of the host has no interrupts but its timer (kernel/host/cpu.h), so the
// state is a note that whoever asks for it finds as it was left.
#pragma once

#include <cstdint>

namespace exo::arch {

enum class InterruptState : std::uint8_t { kOff, kOn };

inline thread_local InterruptState interrupt_state = InterruptState::kOn;

inline InterruptState disable_interrupts() {
    const InterruptState before = interrupt_state;
    interrupt_state = InterruptState::kOff;
    return before;
}

inline void restore_interrupts(InterruptState state) {
    if (state == InterruptState::kOn) interrupt_state = state;
}

inline void enable_interrupts() {
    interrupt_state = InterruptState::kOn;
}

}  // namespace exo::arch
