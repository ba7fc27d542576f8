// Switches FPU, SSE, AVX and AVX-512 on, as far as the CPU has them.
#pragma once

namespace exo::arch {

/// On each CPU; part of init_cpu().
void init_fpu();

}  // namespace exo::arch
