#include "kernel/arch/entry.h"

#include "kernel/arch/interrupts.h"
#include "kernel/arch/upcalls.h"
#include "kernel/arch/user_copy.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/segments.h"

extern "C" {
void syscall_entry();
[[noreturn]] void enter_user_frame(exo::arch::TrapFrame* frame);
bool syscall_dispatch(exo::arch::TrapFrame* frame);
}

namespace exo::arch {

namespace {

// RFLAGS (SDM vol. 1 3.4.3).
constexpr std::uint64_t kTrap = 1 << 8;
constexpr std::uint64_t kInterrupt = 1 << 9;
constexpr std::uint64_t kDirection = 1 << 10;
constexpr std::uint64_t kIoPrivilege = 3 << 12;
constexpr std::uint64_t kNestedTask = 1 << 14;
constexpr std::uint64_t kResume = 1 << 16;
constexpr std::uint64_t kAlignmentCheck = 1 << 18;
/// Carry, parity, adjust, zero, sign, trap, direction, overflow, resume, alignment check, CPUID.
constexpr std::uint64_t kProgramsOwn = 0xdd5 | kResume | kAlignmentCheck | 1 << 21;
constexpr std::uint64_t kAlwaysOne = 2;

// The fast path of SYSCALL (trap_entry.S) relies on it: the byte behind a program's last
// instruction is a canonical address.
static_assert(kUserEnd < std::uint64_t{1} << 47);

constexpr std::int64_t kNoSuchCall = -38;

// SYSRET takes RIP from RCX and RFLAGS from R11, faults in the kernel on a RIP that is not
// canonical, and cannot set TF or RF without tracing or losing it.
bool sysret_can_load(const TrapFrame& frame) {
    return frame.rcx == frame.rip && frame.r11 == frame.rflags && frame.rip < kUserEnd &&
           frame.cs == kUserCode && frame.ss == kUserData &&
           (frame.rflags & (kTrap | kResume)) == 0;
}

}  // namespace

void enter_user(TrapFrame& frame) {
    enter_user_frame(&frame);
}

void set_user_segments(TrapFrame& frame) {
    frame.cs = kUserCode;
    frame.ss = kUserData;
    frame.rflags = (frame.rflags & (kProgramsOwn & ~kInterrupt)) | kInterrupt | kAlwaysOne;
}

void init_system_calls() {
    constexpr std::uint64_t kSystemCallEnable = 1;
    write_msr(kEfer, read_msr(kEfer) | kSystemCallEnable);
    // SYSRET: code at the base + 16, data at the base + 8, both with RPL 3.
    write_msr(kStar, std::uint64_t{kKernelData | 3} << 48 | std::uint64_t{kKernelCode} << 32);
    write_msr(kLstar, reinterpret_cast<std::uint64_t>(&syscall_entry));
    write_msr(kFmask,
              kTrap | kInterrupt | kDirection | kIoPrivilege | kNestedTask | kAlignmentCheck);
}

}  // namespace exo::arch

bool syscall_dispatch(exo::arch::TrapFrame* frame) {
    using namespace exo::arch;
    frame->rax = static_cast<std::uint64_t>(kNoSuchCall);
    const std::uint64_t begin = upcall::left_program();
    enable_interrupts();
    const std::uint64_t end = upcall::system_call(*frame, begin);
    disable_interrupts();
    upcall::return_to_user(*frame, end);
    return sysret_can_load(*frame);
}
