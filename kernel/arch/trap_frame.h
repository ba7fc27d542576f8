// The registers of interrupted code, as the trap entry stores them.
#pragma once

#include <cstdint>

namespace exo::arch {

struct TrapFrame {
    std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    std::uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    std::uint64_t vector;
    std::uint64_t error;  ///< the CPU's error code; 0 for vectors without one
    std::uint64_t rip, cs, rflags, rsp, ss;

    [[nodiscard]] bool from_user() const { return (cs & 3) != 0; }
};

}  // namespace exo::arch
