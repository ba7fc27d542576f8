// The few things the libraries must know of the processor (x86-64): line size, spin hint, fence,
// prefetch, time stamp. The kernel's own view of the machine is kernel/arch.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef EXO_MODEL_CHECK
#include <source_location>

#include "lib/base/model/atomic.h"
#endif

namespace exo {

/// Unit of coherence. What two CPUs write stands this far apart.
inline constexpr std::size_t kCacheLine = 64;

/// Tells the core that it spins (PAUSE: Intel SDM vol. 2B; saves power, avoids the memory-order
/// machine clear at the loop's end).
#ifdef EXO_MODEL_CHECK
inline void cpu_relax(std::source_location where = std::source_location::current()) {
    model::yield(where);
}
#else
inline void cpu_relax() {
    __builtin_ia32_pause();
}
#endif

/// A store before it is visible to all before a load after it executes: the one reordering that
/// x86-TSO does (SDM vol. 3A 9.2). A locked no-op on the stack, half the price of MFENCE.
#ifdef EXO_MODEL_CHECK
inline void full_fence(std::source_location where = std::source_location::current()) {
    model::fence_seq_cst(where);
}
#else
inline void full_fence() {
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#else
    asm volatile("lock; orl $0, -4(%%rsp)" ::: "memory", "cc");
#endif
}
#endif

/// Hints that the line of `address` is about to be written (PREFETCHW). Never faults.
inline void prefetch_for_write(const void* address) {
    asm volatile("prefetchw %0" ::"m"(*static_cast<const char*>(address)));
}

/// Time stamp counter, in cycles of the TSC's constant rate. Not ordered against other
/// instructions.
[[nodiscard]] inline std::uint64_t read_tsc() {
    return __builtin_ia32_rdtsc();
}

}  // namespace exo
