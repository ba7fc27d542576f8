// XSAVE (SDM vol. 1 chapter 13) where there is, else FXSAVE, whose 512 bytes XSAVE's begin with.
#include "kernel/arch/x86_64/fpu.h"

#include <cpuid.h>

#include <cstring>

#include "kernel/arch/user_state.h"
#include "kernel/arch/x86_64/msr.h"

/// For wide.inc: AVX is there and switched on, and AVX-512 is not, whose registers a load of their
/// lower half would clear. Set by the first CPU before it copies anything so; the others switch AVX
/// on before they run anything else.
extern "C" {
extern bool wide_copies;
constinit bool wide_copies = false;
}

namespace exo::arch {

struct alignas(64) FpuState {
    std::uint16_t control;
    std::uint8_t rest_of_x87[22];
    std::uint32_t mxcsr;
    std::uint32_t mxcsr_mask;
    std::uint8_t registers[480];
    std::uint64_t xstate_bv;
    std::uint64_t xcomp_bv;
    std::uint64_t reserved[6];
};
static_assert(sizeof(FpuState) == 576);

namespace {

constexpr std::uint64_t kCr4Osxsave = 1 << 18;
constexpr unsigned kLeaf1EcxXsave = 1 << 26;
constexpr unsigned kLeafDEaxXsaveopt = 1 << 0;
constexpr std::uint64_t kX87 = 1 << 0, kSse = 1 << 1, kAvx = 1 << 2, kAvx512 = 7 << 5;
constexpr std::size_t kLegacyBytes = 512;
constexpr std::uint32_t kDefaultMxcsrMask = 0xffbf;

constinit std::uint64_t features = 0;  // XCR0; 0: no XSAVE
constinit bool has_xsaveopt = false;
constinit std::size_t state_bytes = kLegacyBytes;

void save(FpuState& state) {
    const auto low = static_cast<std::uint32_t>(features);
    if (features == 0) {
        asm volatile("fxsave64 %0" : "=m"(state));
    } else if (has_xsaveopt) {
        asm volatile("xsaveopt64 %0" : "+m"(state) : "a"(low), "d"(0) : "memory");
    } else {
        asm volatile("xsave64 %0" : "+m"(state) : "a"(low), "d"(0) : "memory");
    }
}

void restore(const FpuState& state) {
    const auto low = static_cast<std::uint32_t>(features);
    if (features == 0) {
        asm volatile("fxrstor64 %0" ::"m"(state));
    } else {
        asm volatile("xrstor64 %0" ::"m"(state), "a"(low), "d"(0) : "memory");
    }
}

void make_initial(FpuState& state) {
    std::memset(static_cast<void*>(&state), 0, state_bytes);
    state.control = 0x37f;
    state.mxcsr = 0x1f80;
}

std::uint32_t allowed_mxcsr(const FpuState& state) {
    return state.mxcsr_mask == 0 ? kDefaultMxcsrMask : state.mxcsr_mask;
}

}  // namespace

void init_fpu() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    if ((ecx & kLeaf1EcxXsave) == 0) return;
    std::uint64_t cr4;
    asm volatile("movq %%cr4, %0" : "=r"(cr4));
    asm volatile("movq %0, %%cr4" ::"r"(cr4 | kCr4Osxsave));
    __get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx);
    std::uint64_t wanted = eax & (kX87 | kSse | kAvx | kAvx512);
    if ((wanted & kAvx) == 0 || (wanted & kAvx512) != kAvx512) wanted &= ~kAvx512;
    asm volatile("xsetbv" ::"c"(0), "a"(static_cast<std::uint32_t>(wanted)), "d"(0));
    __get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx);
    features = wanted;
    state_bytes = ebx;  // of what XCR0 has now
    __get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx);
    has_xsaveopt = (eax & kLeafDEaxXsaveopt) != 0;
    wide_copies = (wanted & (kAvx | kAvx512)) == kAvx;
}

std::size_t fpu_state_bytes() {
    return state_bytes;
}

std::uint64_t fpu_features() {
    return features;
}

void init_fpu_state(UserState& state, void* memory) {
    state.fpu = static_cast<FpuState*>(memory);
    make_initial(*state.fpu);
    state.fpu_cpu = UserState::kNoCpu;
}

void reset_fpu_state(UserState& state) {
    make_initial(*state.fpu);
    state.fpu_cpu = UserState::kNoCpu;
}

const std::byte* store_fpu_state(UserState& state, const FpuOwner& owner) {
    if (fpu_is_loaded(state, owner)) save(*state.fpu);
    return reinterpret_cast<const std::byte*>(state.fpu);
}

void copy_fpu_state(UserState& from, UserState& to, const FpuOwner& owner) {
    std::memcpy(static_cast<void*>(to.fpu), store_fpu_state(from, owner), state_bytes);
    to.fpu_cpu = UserState::kNoCpu;
}

Result<void> load_fpu_state(UserState& state, const void* bytes, std::size_t size) {
    state.fpu_cpu = UserState::kNoCpu;
    FpuState& to = *state.fpu;
    const std::uint32_t mask = allowed_mxcsr(to);
    if (size != state_bytes) make_initial(to);
    if (size != state_bytes && size != kLegacyBytes) return Errno::INVAL;
    std::memcpy(static_cast<void*>(&to), bytes, size);
    // XRSTOR refuses unknown components, the compact format, reserved header bytes and MXCSR bits
    // (SDM vol. 1 13.8).
    bool good = (to.mxcsr & ~mask) == 0;
    if (features != 0 && size == kLegacyBytes) to.xstate_bv = kX87 | kSse;
    if (features != 0 && size != kLegacyBytes) {
        good = good && (to.xstate_bv & ~features) == 0 && to.xcomp_bv == 0;
        for (const std::uint64_t word : to.reserved) good = good && word == 0;
    }
    if (good) return {};
    make_initial(to);
    return Errno::INVAL;
}

void leave_user_state(UserState& state, const FpuOwner& owner) {
    if (fpu_is_loaded(state, owner)) save(*state.fpu);
}

void enter_user_state(const UserState& state) {
    write_msr(kFsBase, state.fs_base);
    write_msr(kKernelGsBase, state.gs_base);
}

void load_fpu_registers(UserState& state, FpuOwner& owner) {
    restore(*state.fpu);
    owner.state = &state;
    state.fpu_cpu = owner.cpu;
}

void set_fs_base(UserState& state, std::uint64_t base) {
    state.fs_base = base;
    write_msr(kFsBase, base);
}

void set_gs_base(UserState& state, std::uint64_t base) {
    state.gs_base = base;
    write_msr(kKernelGsBase, base);
}

}  // namespace exo::arch
