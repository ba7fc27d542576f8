// Signals as Linux's x86-64 ABI has them (signal(7), sigaction(2), asm/{signal,siginfo,sigcontext,
// ucontext}.h): numbers, structures in a program's memory, and what a handler finds on its stack.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::abi {

enum class Signal : std::uint8_t {
    kNone = 0,
    kHup = 1,
    kInt,
    kQuit,
    kIll,
    kTrap,
    kAbrt,
    kBus,
    kFpe,
    kKill,
    kUsr1,
    kSegv,
    kUsr2,
    kPipe,
    kAlrm,
    kTerm,
    kStkflt,
    kChld,
    kCont,
    kStop,
    kTstp,
    kTtin,
    kTtou,
    kUrg,
    kXcpu,
    kXfsz,
    kVtalrm,
    kProf,
    kWinch,
    kIo,
    kPwr,
    kSys,
    kRealTime = 32,
};
inline constexpr unsigned kSignals = 64;

inline constexpr std::uint64_t kSigDefault = 0, kSigIgnore = 1;

// Of sigaction(2).
inline constexpr std::uint64_t kSaNoChildStop = 1, kSaNoChildWait = 2, kSaSiginfo = 4;
inline constexpr std::uint64_t kSaRestorer = 0x04000000, kSaOnStack = 0x08000000;
inline constexpr std::uint64_t kSaRestart = 0x10000000, kSaNoDefer = 0x40000000;
inline constexpr std::uint64_t kSaResetHand = 0x80000000;

struct SigAction {
    std::uint64_t handler, flags, restorer, mask;
};

/// si_code: why.
inline constexpr std::int32_t kSiUser = 0, kSiKernel = 0x80, kSiQueue = -1, kSiTimer = -2;
inline constexpr std::int32_t kSiTkill = -6;
inline constexpr std::int32_t kSegvMaperr = 1, kSegvAccerr = 2, kBusAdraln = 1, kBusAdrerr = 2;
inline constexpr std::int32_t kFpeIntdiv = 1, kFpeFltdiv = 3, kFpeFltovf = 4, kFpeFltund = 5;
inline constexpr std::int32_t kFpeFltres = 6, kFpeFltinv = 7;
inline constexpr std::int32_t kIllOpn = 2, kTrapBrkpt = 1, kTrapTrace = 2;
inline constexpr std::int32_t kCldExited = 1, kCldKilled = 2, kCldDumped = 3, kCldTrapped = 4;
inline constexpr std::int32_t kCldStopped = 5, kCldContinued = 6;

struct SigInfo {
    std::int32_t signo, error, code, padding;
    union {
        struct {
            std::int32_t pid;
            std::uint32_t uid;
            std::uint64_t value;  ///< union sigval
        } sender;
        struct {
            std::int32_t pid;
            std::uint32_t uid;
            std::int32_t status, padding;
            std::int64_t user_ticks, system_ticks;
        } child;
        struct {
            std::uint64_t address;
        } fault;
        struct {
            std::int32_t id, overrun;
            std::uint64_t value;
        } timer;
        std::uint64_t words[14];
    };
};
static_assert(sizeof(SigInfo) == 128);

/// Of timer_create(2).
struct SigEvent {
    std::uint64_t value;
    std::int32_t signal, notify, thread, padding[11];
};
static_assert(sizeof(SigEvent) == 64);
inline constexpr std::int32_t kSigevSignal = 0, kSigevNone = 1, kSigevThread = 2;
inline constexpr std::int32_t kSigevThreadId = 4;

struct StackT {
    std::uint64_t pointer;
    std::int32_t flags, padding;
    std::uint64_t bytes;
};
inline constexpr std::int32_t kSsOnStack = 1, kSsDisable = 2;
inline constexpr std::int32_t kSsAutoDisarm = static_cast<std::int32_t>(1u << 31);
inline constexpr std::uint64_t kMinSigStack = 2048;

struct SigContext {
    std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
    std::uint64_t rflags;
    std::uint16_t cs, gs, fs, ss;
    std::uint64_t error, trap, old_mask, cr2, fpstate;
    std::uint64_t reserved[8];
};
static_assert(sizeof(SigContext) == 256);

inline constexpr std::uint64_t kUcFpXstate = 1, kUcSigcontextSs = 2, kUcStrictRestoreSs = 4;

struct UContext {
    std::uint64_t flags, link;
    StackT stack;
    SigContext context;
    std::uint64_t mask;
};

/// What is at RSP when a handler begins: the return address first.
struct RtSigFrame {
    std::uint64_t restorer;
    UContext ucontext;
    SigInfo info;
};
static_assert(sizeof(RtSigFrame) == 440);

/// In the last 48 bytes of the legacy FPU area: says that an XSAVE area lies here.
struct FpxSwBytes {
    std::uint32_t magic1, extended_bytes;
    std::uint64_t features;
    std::uint32_t xstate_bytes, padding[7];
};
static_assert(sizeof(FpxSwBytes) == 48);
inline constexpr std::uint32_t kFpMagic1 = 0x46505853, kFpMagic2 = 0x46505845;
inline constexpr std::size_t kFpxSwOffset = 464;

}  // namespace exo::abi
