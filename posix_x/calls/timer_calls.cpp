// timer_create(2), timer_settime(2) and their kin: decode, then one call of the process's timers.
#include "posix_x/calls.h"
#include "posix_x/posix_timers.h"
#include "posix_x/process_table.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

/// INVAL: no such clock. OPNOTSUPP: one that timers cannot use.
Result<void> check_clock(std::int32_t clock) {
    switch (static_cast<Clock>(clock)) {
        case Clock::kRealtime:
        case Clock::kMonotonic:
        case Clock::kBoottime:
        case Clock::kTai:
            return {};
        case Clock::kProcess:
        case Clock::kThread:  // LINUX-DIFF: nothing looks at processor time when it is used up
        case Clock::kMonotonicRaw:
        case Clock::kRealtimeCoarse:
        case Clock::kMonotonicCoarse:
            return Errno::OPNOTSUPP;
    }
    return Errno::INVAL;
}

bool is_thread_of(const Process& process, Pid tid) {
    auto table = process_table().lock();
    const Task* const task = table->find_task(tid);
    return task != nullptr && &task->process() == &process;
}

Result<TimerEvent> decode(const Process& process, const abi::SigEvent& event) {
    TimerEvent decoded;
    decoded.value = event.value;
    switch (event.notify) {
        case abi::kSigevNone:
            decoded.to = TimerEvent::To::kNobody;
            return decoded;
        case abi::kSigevSignal:
        case abi::kSigevThread:  // the C library's affair: a signal for the kernel
            break;
        case abi::kSigevThreadId:
            if (!is_thread_of(process, event.thread)) return Errno::INVAL;
            decoded.to = TimerEvent::To::kThread;
            decoded.thread = event.thread;
            break;
        default:
            return Errno::INVAL;
    }
    if (!is_valid_signal(event.signal)) return Errno::INVAL;
    decoded.signal = static_cast<Signal>(event.signal);
    return decoded;
}

/// When a clock says `ns`, or so long from now. Clocks but the wall clock's kin count as the
/// monotonic one does.
/// LINUX-DIFF: setting the wall clock does not move timers that were set for a time of it.
Deadline deadline_of(bool absolute, bool wall_clock, std::uint64_t ns) {
    if (ns == 0) return Deadline::never();
    if (!absolute) return Deadline::in(ns);
    if (!wall_clock) return Deadline::at(ns);
    const std::uint64_t wall = wall_clock_ns();
    return Deadline::in(ns > wall ? ns - wall : 0);
}

abi::ITimerSpec to_itimerspec(const PosixTimer::Setting& setting) {
    return {to_timespec(setting.period_ns), to_timespec(setting.left_ns)};
}

}  // namespace

Result<long> sys_timer_create(Task& task, std::int32_t clock, UserIn<abi::SigEvent> in,
                              UserOut<std::int32_t> out) {
    abi::SigEvent event = {};
    if (!in.is_null()) event = TRY(in.read());
    TRY(check_clock(clock));
    TimerEvent decoded;
    decoded.value_is_id = in.is_null();
    if (!in.is_null()) decoded = TRY(decode(task.process(), event));
    decoded.wall_clock = clock == static_cast<std::int32_t>(Clock::kRealtime) ||
                         clock == static_cast<std::int32_t>(Clock::kTai);
    PosixTimers& timers = task.process().timers;
    const std::int32_t id = TRY(timers.create(decoded));
    const Result<void> told = out.write(id);
    if (!told) {
        static_cast<void>(timers.remove(id));  // unless another thread was faster
        return told.error();
    }
    return 0;
}

Result<long> sys_timer_settime(Task& task, std::int32_t id, Flags flags, UserIn<abi::ITimerSpec> in,
                               UserOut<abi::ITimerSpec> out) {
    constexpr std::uint32_t kAbsolute = 1;
    if (in.is_null()) return Errno::INVAL;
    const abi::ITimerSpec next = TRY(in.read());
    const std::uint64_t period = TRY(to_ns(next.interval));
    const std::uint64_t first = TRY(to_ns(next.value));
    PosixTimers& timers = task.process().timers;
    const bool wall_clock = TRY(timers.uses_wall_clock(id));
    const Deadline deadline = deadline_of(flags.has(kAbsolute), wall_clock, first);
    const PosixTimer::Setting before = TRY(timers.set(id, deadline, period));
    if (!out.is_null()) TRY(out.write(to_itimerspec(before)));
    return 0;
}

Result<long> sys_timer_gettime(Task& task, std::int32_t id, UserOut<abi::ITimerSpec> out) {
    const PosixTimer::Setting now = TRY(task.process().timers.get(id));
    TRY(out.write(to_itimerspec(now)));
    return 0;
}

Result<long> sys_timer_getoverrun(Task& task, std::int32_t id) {
    return TRY(task.process().timers.overrun(id));
}

Result<long> sys_timer_delete(Task& task, std::int32_t id) {
    TRY(task.process().timers.remove(id));
    return 0;
}

}  // namespace exo::posix
