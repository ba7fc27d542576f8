// The registers of interrupted code, in the order of Linux's struct pt_regs, so that what a program
// may see of it (signals, ptrace) is a copy.
#pragma once

#include <cstdint>

namespace exo::arch {

struct TrapFrame {
    std::uint64_t r15, r14, r13, r12, rbp, rbx;
    std::uint64_t r11, r10, r9, r8;
    std::uint64_t rax, rcx, rdx, rsi, rdi;
    std::uint64_t orig_rax;  ///< a system call's number; an exception's error code, or 0
    std::uint64_t rip, cs, rflags, rsp, ss;

    [[nodiscard]] bool from_user() const { return (cs & 3) != 0; }
};
static_assert(sizeof(TrapFrame) == 21 * 8);

}  // namespace exo::arch
