#include "posix_x/rseq.h"

#include <optional>

#include "abi/linux/rseq.h"
#include "kernel/core/scheduler.h"
#include "posix_x/calls.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

/// What the thread's critical section is; empty: it is in none. FAULT; INVAL: what is said of it
/// makes no sense, or its abort handler does not bear the signature.
Result<std::optional<abi::RseqSection>> read_section(const RseqArea& area) {
    const auto at = TRY(UserIn<std::uint64_t>{area.at + abi::kRseqSection}.read());
    if (at == 0) return std::optional<abi::RseqSection>();
    const auto section = TRY(UserIn<abi::RseqSection>{UserAddr{at}}.read());
    std::uint64_t end;
    const bool overflows = __builtin_add_overflow(section.start, section.bytes, &end);
    const bool is_outside = section.start >= arch::kUserEnd || overflows || end >= arch::kUserEnd ||
                            section.abort >= arch::kUserEnd;
    const bool aborts_into_itself = section.abort - section.start < section.bytes;
    if (is_outside || section.version != 0 || aborts_into_itself) return Errno::INVAL;
    // A handler that could be any address would be a way around what guards indirect jumps.
    const auto signature =
        TRY(UserIn<std::uint32_t>{UserAddr{section.abort - sizeof(std::uint32_t)}}.read());
    if (signature != area.signature) return Errno::INVAL;
    return std::optional(section);
}

Result<void> abort_section(const RseqArea& area, arch::TrapFrame& frame) {
    const auto section = TRY(read_section(area));
    if (!section) return {};
    const bool inside = frame.rip - section->start < section->bytes;
    // There once were flags to go on nevertheless.
    const auto flags = TRY(UserIn<std::uint32_t>{area.at + abi::kRseqFlags}.read());
    if (inside && (section->flags != 0 || flags != 0)) return Errno::INVAL;
    TRY(UserOut<std::uint64_t>{area.at + abi::kRseqSection}.write(0));
    if (inside) frame.rip = section->abort;
    return {};
}

/// `start` is what cpu_id_start shows, which is always a CPU's number.
Result<void> write_cpu(const RseqArea& area, std::uint32_t start, std::uint32_t cpu) {
    TRY(UserOut<std::uint32_t>{area.at + abi::kRseqCpuStart}.write(start));
    TRY(UserOut<std::uint32_t>{area.at + abi::kRseqCpu}.write(cpu));
    return UserOut<std::uint32_t>{area.at + abi::kRseqNode}.write(0);  // there is one node
}

Result<void> settle(const RseqArea& area, arch::TrapFrame& frame) {
    TRY(abort_section(area, frame));
    // If it moves on the way, by a fault, it is marked anew.
    const std::uint32_t cpu = this_cpu().id;
    return write_cpu(area, cpu, cpu);
}

Result<long> unregister(Task& task, UserAddr at, std::uint32_t bytes, Flags flags,
                        std::uint32_t signature) {
    RseqArea& area = task.rseq;
    if (!flags.only(abi::kRseqUnregister)) return Errno::INVAL;
    if (area.at.is_null() || area.at != at || area.bytes != bytes) return Errno::INVAL;
    if (area.signature != signature) return Errno::PERM;
    TRY(write_cpu(area, 0, abi::kRseqNoCpu));
    area = {};
    task.mark_switches(false);
    return 0;
}

}  // namespace

void settle_rseq(Task& task, arch::TrapFrame& frame) {
    if (task.rseq.at.is_null()) return;
    if (!settle(task.rseq, frame)) force_signal(info_from_kernel(Signal::kSegv));
}

bool abort_rseq_for_handler(Task& task, arch::TrapFrame& frame) {
    if (abort_section(task.rseq, frame)) return true;
    force_signal(info_from_kernel(Signal::kSegv));
    return false;
}

Result<long> sys_rseq(Task& task, UserAddr at, std::uint32_t bytes, Flags flags,
                      std::uint32_t signature) {
    if (flags.has(abi::kRseqUnregister)) return unregister(task, at, bytes, flags, signature);
    if (flags.bits != 0) return Errno::INVAL;
    RseqArea& area = task.rseq;
    if (!area.at.is_null()) {
        if (area.at != at || area.bytes != bytes) return Errno::INVAL;
        return area.signature != signature ? Errno::PERM : Errno::BUSY;
    }
    if (bytes < abi::kRseqBytes || at.value % abi::kRseqAlignment != 0) return Errno::INVAL;
    if (at.value >= arch::kUserEnd || bytes > arch::kUserEnd - at.value) return Errno::FAULT;
    area = {at, bytes, signature};
    task.mark_switches(true);  // marks it, too: it is told the CPU before it goes on
    return 0;
}

}  // namespace exo::posix
