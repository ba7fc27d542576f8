// What a program has in the CPU besides its general registers: FPU and SIMD state, the bases of FS
// and GS.
//
// The kernel touches neither FPU nor SIMD. The registers stay a thread's own while it is in the
// kernel and while kernel threads run; they are saved when the CPU goes to another thread with a
// program, and loaded before that returns to it. Nothing of one program is ever in the registers
// while another runs (eager security); a thread that comes back to registers nobody took since
// loads nothing (lazy cost).
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/result.h"

namespace exo::arch {

/// XSAVE's format (SDM vol. 1 13.4), 64-byte aligned; fpu_state_bytes() of it. Owned by who calls
/// create_fpu_state().
struct FpuState;

struct UserState {
    FpuState* fpu = nullptr;
    std::uint64_t fs_base = 0;
    std::uint64_t gs_base = 0;
};

/// Bytes of FPU state on this machine (SDM vol. 1 13.2: CPUID 0xd), AVX-512 included where it is.
[[nodiscard]] std::size_t fpu_state_bytes();

/// Initial state (all registers zero, MXCSR 0x1f80), in `state`; NOMEM.
Result<void> create_fpu_state(UserState& state);
void destroy_fpu_state(UserState& state);
/// Back to the initial state, for execve(2). Of the running thread.
void reset_fpu_state(UserState& state);
/// A copy of the running thread's state as it is now, registers included; `to` has one.
void copy_fpu_state(const UserState& from, UserState& to);

/// The state as bytes, after the registers were stored to it, for signal frames; of the running
/// thread. `kWrite`: the registers are loaded again before the program goes on.
enum class FpuAccess : std::uint8_t { kRead, kWrite };
std::byte* fpu_state_bytes_of(UserState& state, FpuAccess access);
/// What was written to the state came from a program: makes it such that XRSTOR cannot fault.
/// INVAL: not a state of this machine; it is then initial.
Result<void> validate_fpu_state(UserState& state);

}  // namespace exo::arch
