// What a handler finds on its stack, and the way back: Linux's struct rt_sigframe
// (arch/x86/kernel/signal_64.c, asm/sigframe.h). From below: return address, ucontext, siginfo, then
// at a multiple of 64 the FPU state in XSAVE's format.
#include <cstring>

#include "kernel/arch/user_copy.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/defer.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t kRedZone = 128;
constexpr std::uint64_t kLegacyFpuBytes = 512;

bool on_stack(const abi::StackT& stack, std::uint64_t rsp) {
    return (stack.flags & abi::kSsDisable) == 0 && rsp > stack.pointer &&
           rsp - stack.pointer <= stack.bytes;
}

/// Where the frame's data end: below the red zone, or on top of the alternate stack.
std::uint64_t stack_for(const Task& task, const arch::TrapFrame& frame,
                        const abi::SigAction& action) {
    const abi::StackT& stack = task.signal_stack;
    const bool use = (action.flags & abi::kSaOnStack) != 0 &&
                     (stack.flags & abi::kSsDisable) == 0 && !on_stack(stack, frame.rsp);
    return use ? stack.pointer + stack.bytes : frame.rsp - kRedZone;
}

bool has_xsave() {
    return arch::fpu_state_bytes() > kLegacyFpuBytes;
}

/// The thread's FPU state at `at`, told as XSAVE's by the magic numbers around it.
Result<void> write_fpu_state(Task& task, UserAddr at) {
    const std::size_t bytes = arch::fpu_state_bytes();
    const std::byte* state = arch::store_fpu_state(task.user_state, this_cpu().fpu);
    TRY(write_user(at, state, bytes));
    if (!has_xsave()) return {};
    abi::FpxSwBytes told = {};
    told.magic1 = abi::kFpMagic1;
    told.extended_bytes = static_cast<std::uint32_t>(bytes + sizeof abi::kFpMagic2);
    told.features = arch::fpu_features();
    told.xstate_bytes = static_cast<std::uint32_t>(bytes);
    TRY(write_user(at + abi::kFpxSwOffset, &told, sizeof told));
    return write_user(at + bytes, &abi::kFpMagic2, sizeof abi::kFpMagic2);
}

Result<void> read_fpu_state(Task& task, UserAddr at) {
    if (at.is_null()) {
        arch::reset_fpu_state(task.user_state);
        return {};
    }
    const std::size_t full = arch::fpu_state_bytes();
    abi::FpxSwBytes told;
    TRY(read_user(&told, at + abi::kFpxSwOffset, sizeof told));
    std::uint32_t magic2 = 0;
    const bool extended = has_xsave() && told.magic1 == abi::kFpMagic1 &&
                          told.xstate_bytes == full &&
                          read_user(&magic2, at + full, sizeof magic2).has_value() &&
                          magic2 == abi::kFpMagic2;
    const std::size_t bytes = extended ? full : kLegacyFpuBytes;
    void* copy = ::operator new(full, std::align_val_t(64), std::nothrow);
    if (copy == nullptr) return Errno::NOMEM;
    Defer free_copy([&] { ::operator delete(copy, std::align_val_t(64)); });
    TRY(read_user(copy, at, bytes));
    return arch::load_fpu_state(task.user_state, copy, bytes);
}

void save_registers(abi::SigContext& to, const arch::TrapFrame& from, const Task& task) {
    to.r8 = from.r8, to.r9 = from.r9, to.r10 = from.r10, to.r11 = from.r11;
    to.r12 = from.r12, to.r13 = from.r13, to.r14 = from.r14, to.r15 = from.r15;
    to.rdi = from.rdi, to.rsi = from.rsi, to.rbp = from.rbp, to.rbx = from.rbx;
    to.rdx = from.rdx, to.rax = from.rax, to.rcx = from.rcx, to.rsp = from.rsp;
    to.rip = from.rip, to.rflags = from.rflags;
    to.cs = static_cast<std::uint16_t>(from.cs), to.ss = static_cast<std::uint16_t>(from.ss);
    to.error = task.trap_error, to.trap = task.trap_number, to.cr2 = task.fault_address;
}

void load_registers(arch::TrapFrame& to, const abi::SigContext& from) {
    to.r8 = from.r8, to.r9 = from.r9, to.r10 = from.r10, to.r11 = from.r11;
    to.r12 = from.r12, to.r13 = from.r13, to.r14 = from.r14, to.r15 = from.r15;
    to.rdi = from.rdi, to.rsi = from.rsi, to.rbp = from.rbp, to.rbx = from.rbx;
    to.rdx = from.rdx, to.rax = from.rax, to.rcx = from.rcx, to.rsp = from.rsp;
    to.rip = from.rip, to.rflags = from.rflags;
    arch::set_user_segments(to);
}

}  // namespace

Result<void> push_signal_frame(Task& task, arch::TrapFrame& frame, const abi::SigAction& action,
                               const abi::SigInfo& info, std::uint64_t old_mask) {
    if ((action.flags & abi::kSaRestorer) == 0) return Errno::FAULT;
    const std::uint64_t magic = has_xsave() ? sizeof abi::kFpMagic2 : 0;
    const std::uint64_t top = stack_for(task, frame, action);
    const std::uint64_t fpu = (top - arch::fpu_state_bytes() - magic) & ~std::uint64_t{63};
    // As after a call: RSP + 8 is a multiple of 16.
    const std::uint64_t at = ((fpu - sizeof(abi::RtSigFrame)) & ~std::uint64_t{15}) - 8;
    if (fpu > top || at > top) return Errno::FAULT;
    if (on_stack(task.signal_stack, frame.rsp) && !on_stack(task.signal_stack, at))
        return Errno::FAULT;

    abi::RtSigFrame out = {};
    out.restorer = action.restorer;
    out.info = info;
    out.ucontext.flags =
        abi::kUcSigcontextSs | abi::kUcStrictRestoreSs | (has_xsave() ? abi::kUcFpXstate : 0);
    out.ucontext.stack = task.signal_stack;
    if (on_stack(task.signal_stack, frame.rsp)) out.ucontext.stack.flags |= abi::kSsOnStack;
    save_registers(out.ucontext.context, frame, task);
    out.ucontext.context.fpstate = fpu;
    out.ucontext.context.old_mask = old_mask;
    out.ucontext.mask = old_mask;
    TRY(write_fpu_state(task, UserAddr{fpu}));
    TRY(write_user(UserAddr{at}, &out, sizeof out));

    if ((task.signal_stack.flags & abi::kSsAutoDisarm) != 0)
        task.signal_stack = {0, abi::kSsDisable, 0, 0};
    constexpr std::uint64_t kCleared = 0x400 | 0x100 | 0x10000;  // direction, trap, resume
    frame.rdi = static_cast<std::uint64_t>(info.signo);
    frame.rsi = at + offsetof(abi::RtSigFrame, info);
    frame.rdx = at + offsetof(abi::RtSigFrame, ucontext);
    frame.rax = 0;
    frame.rip = action.handler;
    frame.rsp = at;
    frame.rflags &= ~kCleared;
    arch::set_user_segments(frame);
    arch::reset_fpu_state(task.user_state);
    return {};
}

Result<void> pop_signal_frame(Task& task, arch::TrapFrame& frame) {
    // The handler's RET has taken the return address.
    const UserAddr at{frame.rsp - sizeof(std::uint64_t)};
    abi::UContext context;
    TRY(read_user(&context, at + offsetof(abi::RtSigFrame, ucontext), sizeof context));
    TRY(read_fpu_state(task, UserAddr{context.context.fpstate}));
    load_registers(frame, context.context);
    if ((context.stack.flags & abi::kSsDisable) != 0 || context.stack.bytes >= abi::kMinSigStack) {
        task.signal_stack = context.stack;
        task.signal_stack.flags &= abi::kSsDisable | abi::kSsAutoDisarm;
    }
    set_blocked(context.mask);
    return {};
}

}  // namespace exo::posix
