// What the CPU says of a page fault (SDM vol. 3A 4.7).
#pragma once

#include "kernel/arch/trap_frame.h"

namespace exo::arch {

struct PageFaultCause {
    bool write;
    bool execute;
    bool corrupt;  ///< reserved bits were set in a table

    static PageFaultCause of(const TrapFrame& frame) {
        return {.write = (frame.orig_rax & (1 << 1)) != 0,
                .execute = (frame.orig_rax & (1 << 4)) != 0,
                .corrupt = (frame.orig_rax & (1 << 3)) != 0};
    }
};

/// Whether interrupts were on where `frame` was taken.
[[nodiscard]] inline bool had_interrupts_on(const TrapFrame& frame) {
    return (frame.rflags & (1 << 9)) != 0;
}

}  // namespace exo::arch
