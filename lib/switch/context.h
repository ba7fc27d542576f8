// The windowed context switch: a suspended computation is 16 bytes, RSP and RIP.
//
// switch_context() is inline assembly that declares every register but RSP destroyed. So the
// compiler spills, around each switch, exactly the values that are live there, where a switch
// behind a function call must save all six callee-saved registers of the psABI, live or not.
// RBP is the exception: it may be a frame pointer, which the compiler will not let an asm
// statement destroy, so it lies on the suspended stack, where RSP points.
//
// Unsynchronised: a context is resumed by one CPU at a time, and what is switched away from must
// be complete (here: both words stored) before another CPU may resume it; the scheduler's lock,
// handed over across the switch, sees to that.
//
// Control words (System V psABI AMD64 3.2.1: MXCSR's control bits and the x87 control word are
// callee-saved). ControlWords::kShared leaves them alone: they belong to the thread that runs the
// contexts, as rounding mode and FPU state belong to the kernel's FPU switch and not to this one;
// code that changes them restores them before it switches. ControlWords::kPerContext keeps the
// psABI's promise across the switch, like Boost.Context, for contexts of foreign code.
// CET shadow stacks are not switched: nothing here runs with them enabled.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo {

struct Context {
    void* rsp;
    void* rip;
};
static_assert(sizeof(Context) == 16, "the saved context is RSP and RIP");

enum class ControlWords { kShared, kPerContext };

/// What lies at Context::rsp while suspended. `mxcsr` and `fcw` only for kPerContext.
struct SuspendedFrame {
    std::uint64_t rbp;
    std::uint32_t mxcsr;
    std::uint32_t fcw;
};

// User code may keep data in the 128 bytes below RSP (psABI 3.2.2, the red zone); the kernel is
// compiled without one.
#ifdef EXO_FREESTANDING
inline constexpr std::size_t kRedZone = 0;
#else
inline constexpr std::size_t kRedZone = 128;
#endif

#ifdef __SSE__
#define EXO_SWITCH_VECTOR_CLOBBERS                                                             \
    , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", \
        "st(5)", "st(6)", "st(7)"
#else
#define EXO_SWITCH_VECTOR_CLOBBERS
#endif
#ifdef __AVX512F__
#define EXO_SWITCH_AVX512_CLOBBERS                                                                \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", \
        "k7"
#else
#define EXO_SWITCH_AVX512_CLOBBERS
#endif
#define EXO_SWITCH_CLOBBERS                                                                 \
    "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", \
        "memory" EXO_SWITCH_VECTOR_CLOBBERS EXO_SWITCH_AVX512_CLOBBERS

/// Suspends the caller into `from` and resumes `to`; returns when someone switches to `from`.
/// `to` was filled by an earlier switch or by make_context(), and is used up by this call.
/// Both sides of a pair of switches must use the same ControlWords.
template <ControlWords kWords = ControlWords::kShared>
[[gnu::always_inline]] inline void switch_context(Context& from, const Context& to) {
    Context* save = &from;
    const Context* load = &to;
    constexpr std::size_t kDown = kRedZone + sizeof(SuspendedFrame);
    if constexpr (kWords == ControlWords::kShared) {
        asm volatile(
            "leaq   1f(%%rip), %%rax\n\t"
            "leaq   -%c[down](%%rsp), %%rsp\n\t"
            "movq   %%rbp, (%%rsp)\n\t"
            "movq   8(%[load]), %%rcx\n\t"
            "movq   %%rsp, (%[save])\n\t"
            "movq   %%rax, 8(%[save])\n\t"
            "movq   (%[load]), %%rsp\n\t"
            "jmpq   *%%rcx\n"
            "1:\n\t"
            "movq   (%%rsp), %%rbp\n\t"
            "leaq   %c[down](%%rsp), %%rsp\n\t"
            : [save] "+D"(save), [load] "+S"(load)
            : [down] "i"(kDown)
            : EXO_SWITCH_CLOBBERS);
    } else {
        asm volatile(
            "leaq   1f(%%rip), %%rax\n\t"
            "leaq   -%c[down](%%rsp), %%rsp\n\t"
            "movq   %%rbp, (%%rsp)\n\t"
            "stmxcsr 8(%%rsp)\n\t"
            "fnstcw 12(%%rsp)\n\t"
            "movq   8(%[load]), %%rcx\n\t"
            "movq   %%rsp, (%[save])\n\t"
            "movq   %%rax, 8(%[save])\n\t"
            "movq   (%[load]), %%rsp\n\t"
            "jmpq   *%%rcx\n"
            "1:\n\t"
            "movq   (%%rsp), %%rbp\n\t"
            "ldmxcsr 8(%%rsp)\n\t"
            "fldcw  12(%%rsp)\n\t"
            "leaq   %c[down](%%rsp), %%rsp\n\t"
            : [save] "+D"(save), [load] "+S"(load)
            : [down] "i"(kDown)
            : EXO_SWITCH_CLOBBERS);
    }
}

/// A context that will call `entry(argument)` on the empty stack that ends at `stack_top` (16-byte
/// aligned downwards here; at least 256 bytes below it are written or used before `entry` runs).
/// `entry` must not return. Its control words are the ones in force at the first switch to it.
[[nodiscard]] Context make_context(void* stack_top, void (*entry)(void*), void* argument);

}  // namespace exo
