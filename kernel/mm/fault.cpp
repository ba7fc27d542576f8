#include "kernel/mm/fault.h"

#include "kernel/arch/exceptions.h"
#include "kernel/arch/interrupts.h"
#include "kernel/arch/page_fault.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/cpu_local.h"
#include "kernel/mm/out_of_memory.h"
#include "lib/base/cpu.h"

namespace exo {

namespace {

FaultKind kind_of(const arch::PageFaultCause& cause) {
    if (cause.execute) return FaultKind::kExecute;
    return cause.write ? FaultKind::kWrite : FaultKind::kRead;
}

/// Memory that is short is waited for, as long as that leads to some.
FaultResult resolve(AddressSpace& space, std::uint64_t address, FaultKind kind) {
    for (;;) {
        const FaultResult result = space.fault(address, kind);
        if (result != FaultResult::kNoMemory || !relieve_memory()) return result;
    }
}

void handle_program_fault(arch::TrapFrame& frame, std::uint64_t address, FaultKind kind) {
    AddressSpace* const space = current_address_space();
    if (space == nullptr) arch::upcall::fatal_exception(frame, "page fault");
    arch::enable_interrupts();
    const FaultResult result = resolve(*space, address, kind);
    if (result != FaultResult::kResolved) program_fault(frame, address, result, kind);
}

/// A fault of the kernel. True: resolved, the access begins anew.
bool resolve_user_copy(const arch::TrapFrame& frame, std::uint64_t address, FaultKind kind) {
    AddressSpace* const space = current_address_space();
    if (space == nullptr || address >= arch::kUserEnd || kind == FaultKind::kExecute) return false;
    // Who copies where it must not sleep gets what is there already.
    if (!arch::had_interrupts_on(frame) || this_cpu().held_count != 0) return false;
    arch::enable_interrupts();
    const bool resolved = resolve(*space, address, kind) == FaultResult::kResolved;
    static_cast<void>(arch::disable_interrupts());
    return resolved;
}

}  // namespace

void arch::upcall::page_fault(TrapFrame& frame, std::uint64_t address) {
    const PageFaultCause cause = PageFaultCause::of(frame);
    this_cpu().trace.note(read_tsc(), TraceKind::kFault, address, frame.rip);
    if (cause.corrupt) fatal_exception(frame, "page fault (corrupt page tables)");
    if (frame.from_user()) {
        handle_program_fault(frame, address, kind_of(cause));
        return;
    }
    // Only the instructions that touch a program's memory may fault in the kernel.
    if (!expects_fault(frame)) fatal_exception(frame, "page fault");
    if (may_resolve_fault(frame) && resolve_user_copy(frame, address, kind_of(cause))) return;
    if (!fixup_exception(frame)) fatal_exception(frame, "page fault");
}

}  // namespace exo
