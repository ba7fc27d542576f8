#include "posix_x/signal_file.h"

#include "abi/linux/event.h"
#include "posix_x/signals.h"
#include "posix_x/task.h"

namespace exo::posix {
namespace {

bool has_pending(Task& task, std::uint64_t mask) {
    auto state = task.process().signals.lock();
    return ((task.pending.set() | state->pending.set()) & mask) != 0;
}

Signal take(Task& task, std::uint64_t mask, abi::SigInfo& info) {
    Process& process = task.process();
    Signal taken;
    {
        auto state = process.signals.lock();
        taken = task.pending.take(mask, info);
        if (taken == Signal::kNone) taken = state->pending.take(mask, info);
    }
    if (taken != Signal::kNone) note_taken(info);
    return taken;
}

// Which fields of siginfo count is a matter of the signal and of who sent it (sigaction(2)).
abi::SignalFdInfo record_of(const abi::SigInfo& info) {
    abi::SignalFdInfo out = {};
    out.signo = static_cast<std::uint32_t>(info.signo);
    out.error = info.error;
    out.code = info.code;
    const auto signal = static_cast<Signal>(info.signo);
    const bool by_kernel = info.code > 0 && info.code != abi::kSiKernel;
    if (by_kernel && (signal_bit(signal) & kSynchronous) != 0) {
        out.address = info.fault.address;
        return out;
    }
    out.pid = static_cast<std::uint32_t>(info.sender.pid);
    out.uid = info.sender.uid;
    if (by_kernel && signal == Signal::kChld) {
        out.status = info.child.status;
        out.user_time = static_cast<std::uint64_t>(info.child.user_ticks);
        out.system_time = static_cast<std::uint64_t>(info.child.system_ticks);
        return out;
    }
    if (info.code < 0) {
        out.value_int = static_cast<std::int32_t>(info.sender.value);
        out.value_pointer = info.sender.value;
    }
    return out;
}

}  // namespace

Result<Ref<SignalFile>> SignalFile::create(std::uint64_t mask, FileFlags flags) {
    return make_ref<SignalFile>(mask, flags);
}

Result<std::size_t> SignalFile::read(IoCursor& to) {
    Task& task = this_task();
    std::size_t done = 0;
    if (to.remaining() < sizeof(abi::SignalFdInfo)) return Errno::INVAL;
    while (to.remaining() >= sizeof(abi::SignalFdInfo)) {
        abi::SigInfo info = {};
        if (take(task, mask(), info) == Signal::kNone) {
            if (done != 0) break;
            if (has(flags(), FileFlags::kNonBlocking)) return Errno::AGAIN;
            TRY(task.process().signal_arrived.wait([&] { return has_pending(task, mask()); }));
            continue;
        }
        const abi::SignalFdInfo record = record_of(info);
        done += TRY(to.put(&record, sizeof record));
    }
    return done;
}

/// False: no memory.
bool SignalFile::keep(Process& process) {
    auto watched = watched_.lock();
    for (const Ref<Process>& each : *watched)
        if (each.get() == &process) return true;
    return static_cast<bool>(watched->push_back(Ref<Process>(process)));
}

PollEvents SignalFile::poll(PollTable* table) {
    Task& task = this_task();
    if (table != nullptr && keep(task.process())) table->watch(task.process().signal_arrived);
    return has_pending(task, mask()) ? PollEvents::kIn : PollEvents::kNone;
}

}  // namespace exo::posix
