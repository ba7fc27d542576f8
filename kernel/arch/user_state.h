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

/// XSAVE's format (SDM vol. 1 13.4), 64-byte aligned; fpu_state_bytes() of it.
struct FpuState;

struct UserState {
    FpuState* fpu = nullptr;  ///< nullptr: a thread without a program
    std::uint64_t fs_base = 0;
    std::uint64_t gs_base = 0;
    std::uint32_t fpu_cpu = kNoCpu;  ///< whose registers hold the state, if nobody took them since

    static constexpr std::uint32_t kNoCpu = ~std::uint32_t{0};
};

/// What a CPU remembers for it; part of its CpuLocal.
struct FpuOwner {
    const UserState* state = nullptr;
    std::uint32_t cpu = 0;
};

/// Bytes of FPU state on this machine (SDM vol. 1 13.2: CPUID 0xd), AVX-512 included where it is.
[[nodiscard]] std::size_t fpu_state_bytes();
/// Its components, as XCR0 has them; 0: no XSAVE.
[[nodiscard]] std::uint64_t fpu_features();

/// `memory`, fpu_state_bytes() aligned to 64, becomes the state, all registers initial.
void init_fpu_state(UserState& state, void* memory);
/// Back to the initial state, for execve(2).
void reset_fpu_state(UserState& state);
/// `to`, which has memory, becomes a copy of the running thread's state.
void copy_fpu_state(UserState& from, UserState& to, const FpuOwner& owner);

/// The state as bytes, after the registers of the running thread were stored to it, for signal
/// frames.
[[nodiscard]] const std::byte* store_fpu_state(UserState& state, const FpuOwner& owner);
/// Makes `bytes`, which came from a program, the running thread's state. INVAL: XRSTOR would refuse
/// it; the state is then initial.
Result<void> load_fpu_state(UserState& state, const void* bytes, std::size_t size);

/// At a switch away from and to a thread with a program; interrupts off.
void leave_user_state(UserState& state, const FpuOwner& owner);
void enter_user_state(const UserState& state);
/// Whether the CPU's registers still hold the state.
[[nodiscard]] inline bool fpu_is_loaded(const UserState& state, const FpuOwner& owner) {
    return owner.state == &state && state.fpu_cpu == owner.cpu;
}
/// Before the program goes on: its FPU registers are this CPU's. Interrupts off.
void load_fpu_registers(UserState& state, FpuOwner& owner);
inline void restore_fpu_state(UserState& state, FpuOwner& owner) {
    if (!fpu_is_loaded(state, owner)) [[unlikely]]
        load_fpu_registers(state, owner);
}

/// Bases of the running thread, set at once: arch_prctl(2).
void set_fs_base(UserState& state, std::uint64_t base);
void set_gs_base(UserState& state, std::uint64_t base);

}  // namespace exo::arch
