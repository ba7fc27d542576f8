// Exceptions of programs as signals (signal(7), sigaction(2) "si_code").
#include "kernel/arch/interrupts.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/panic.h"
#include "kernel/mm/fault.h"
#include "lib/base/cpu.h"
#include "posix_x/signals.h"

namespace exo {
namespace {

using abi::Signal;

struct Meaning {
    Signal signal;
    std::int32_t code;
};

Meaning meaning_of(std::uint8_t vector) {
    switch (vector) {
        case 0:
            return {Signal::kFpe, abi::kFpeIntdiv};
        case 1:
            return {Signal::kTrap, abi::kTrapTrace};
        case 3:
            return {Signal::kTrap, abi::kSiKernel};
        case 6:
            return {Signal::kIll, abi::kIllOpn};
        case 16:
        case 19:
            return {Signal::kFpe, abi::kFpeFltinv};
        case 17:
            return {Signal::kBus, abi::kBusAdraln};
        default:
            return {Signal::kSegv, abi::kSiKernel};
    }
}

void raise(arch::TrapFrame& frame, Meaning meaning, std::uint64_t address, std::uint8_t vector) {
    posix::Task& task = posix::this_task();
    task.trap_number = vector;
    task.trap_error = frame.orig_rax;
    abi::SigInfo info = {};
    info.signo = static_cast<std::int32_t>(meaning.signal);
    info.code = meaning.code;
    info.fault.address = address;
    posix::force_signal(info);
}

}  // namespace

void arch::upcall::program_exception(TrapFrame& frame, std::uint8_t vector) {
    this_cpu().trace.note(read_tsc(), TraceKind::kException, vector, frame.rip);
    arch::enable_interrupts();
    const Meaning meaning = meaning_of(vector);
    const bool at_instruction = meaning.signal == Signal::kFpe || meaning.signal == Signal::kIll;
    raise(frame, meaning, at_instruction ? frame.rip : 0, vector);
}

void program_fault(arch::TrapFrame& frame, std::uint64_t address, FaultResult result, FaultKind) {
    constexpr std::uint8_t kPageFault = 14;
    posix::Task& task = posix::this_task();
    task.fault_address = address;
    switch (result) {
        case FaultResult::kResolved:
            return;
        case FaultResult::kUnmapped:
            return raise(frame, {Signal::kSegv, abi::kSegvMaperr}, address, kPageFault);
        case FaultResult::kForbidden:
            return raise(frame, {Signal::kSegv, abi::kSegvAccerr}, address, kPageFault);
        case FaultResult::kBeyondEnd:
            return raise(frame, {Signal::kBus, abi::kBusAdrerr}, address, kPageFault);
        case FaultResult::kNoMemory:
            // It was chosen, or there was nobody else.
            if (task.process().pid == 1) panic("out of memory, and nothing left to end");
            posix::send_signal(task.process(), posix::info_from_kernel(Signal::kKill));
            return;
    }
}

}  // namespace exo
