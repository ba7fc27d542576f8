// clock_gettime(2), nanosleep(2), setitimer(2), times(2): clocks and waiting for them.
#include "abi/linux/capability.h"
#include "posix_x/calls.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"
#include "posix_x/times.h"

namespace exo::posix {

TimesUsed times_used(Process& process) {
    auto table = process_table().lock();
    TimesUsed used = process.kin.used;
    auto state = process.signals.lock();
    for (Task* each = state->first_thread; each != nullptr; each = each->next_thread)
        used.own += cpu_time(*each);
    return used;
}

namespace {

/// Clocks of a process or thread by number (clock_getcpuclockid(3), pthread_getcpuclockid(3)): the
/// number's complement stands above three bits. INVAL: no such process, or a thread of another.
Result<std::uint64_t> read_cpu_clock(Task& task, std::int32_t clock) {
    constexpr std::int32_t kWhich = 3, kProgramOnly = 1, kNone = 3, kPerThread = 4;
    const std::int32_t which = clock & kWhich;
    if (which == kNone) return Errno::INVAL;
    const Pid id = ~(clock >> 3);
    CpuTime used;
    if ((clock & kPerThread) != 0) {
        auto table = process_table().lock();
        Task* const of = id == 0 ? &task : table->find_task(id);
        if (of == nullptr || &of->process() != &task.process()) return Errno::INVAL;
        used = cpu_time(*of);
    } else {
        RefPtr<Process> of(&task.process());
        if (id != 0) {
            auto table = process_table().lock();
            of = RefPtr<Process>(table->find(id));
        }
        if (!of) return Errno::INVAL;
        used = times_used(*of).own;
    }
    return which == kProgramOnly ? used.program_ns : used.total_ns();
}

/// INVAL: no such clock.
Result<std::uint64_t> read_clock(Task& task, std::int32_t clock) {
    if (clock < 0) return read_cpu_clock(task, clock);
    switch (static_cast<Clock>(clock)) {
        case Clock::kRealtime:
        case Clock::kRealtimeCoarse:
        case Clock::kTai:
            return wall_clock_ns();
        case Clock::kMonotonic:
        case Clock::kMonotonicRaw:
        case Clock::kMonotonicCoarse:
        case Clock::kBoottime:
            return arch::now_ns();
        case Clock::kProcess:
            return times_used(task.process()).own.total_ns();
        case Clock::kThread:
            return cpu_time_ns(task);
    }
    return Errno::INVAL;
}

/// What is left of an interrupted sleep, told where the program wants it.
Result<void> write_rest(UserOut<abi::Timespec> rest, Deadline deadline) {
    if (rest.is_null()) return {};
    const std::uint64_t now = arch::now_ns();
    return rest.write(to_timespec(deadline.at_ns > now ? deadline.at_ns - now : 0));
}

Result<long> resume_sleep(Task& task);

/// Sleeps until `deadline`; interrupted, it is gone on with by restart_syscall(2).
Result<long> sleep_relative(Task& task, Deadline deadline, UserOut<abi::Timespec> rest) {
    const Result<void> slept = sleep_until(deadline);
    if (slept || slept.error() == Errno::TIMEDOUT) return 0;
    TRY(write_rest(rest, deadline));
    task.restart.resume = resume_sleep;
    task.restart.words[0] = deadline.at_ns;
    task.restart.words[1] = rest.at.value;
    return Errno::RESTART_RESTARTBLOCK;
}

Result<long> resume_sleep(Task& task) {
    return sleep_relative(task, Deadline::at(task.restart.words[0]),
                          {UserAddr{task.restart.words[1]}});
}

}  // namespace

Result<long> sys_restart_syscall(Task& task) {
    const auto resume = std::exchange(task.restart.resume, nullptr);
    if (resume == nullptr) return Errno::INTR;
    return resume(task);
}

Result<long> sys_clock_gettime(Task& task, std::int32_t clock, UserOut<abi::Timespec> out) {
    const std::uint64_t ns = TRY(read_clock(task, clock));
    TRY(out.write(to_timespec(ns)));
    return 0;
}

Result<long> sys_clock_getres(Task& task, std::int32_t clock, UserOut<abi::Timespec> out) {
    TRY(read_clock(task, clock));
    if (!out.is_null()) TRY(out.write({0, 1}));
    return 0;
}

Result<long> sys_clock_settime(Task& task, std::int32_t clock, UserIn<abi::Timespec> in) {
    if (static_cast<Clock>(clock) != Clock::kRealtime) return Errno::INVAL;
    const abi::Timespec time = TRY(in.read());
    const std::uint64_t ns = TRY(to_ns(time));
    if (!task.process().credentials()->capable(abi::kCapSysTime)) return Errno::PERM;
    set_wall_clock(ns);
    return 0;
}

Result<long> sys_settimeofday(Task& task, UserIn<abi::Timeval> in, UserAddr zone) {
    if (!task.process().credentials()->capable(abi::kCapSysTime)) return Errno::PERM;
    if (!zone.is_null()) return Errno::INVAL;
    if (in.is_null()) return 0;
    const abi::Timeval time = TRY(in.read());
    const std::uint64_t ns = TRY(to_ns(time));
    set_wall_clock(ns);
    return 0;
}

Result<long> sys_gettimeofday(Task&, UserOut<abi::Timeval> out, UserOut<std::int32_t> zone) {
    if (!out.is_null()) TRY(out.write(to_timeval(wall_clock_ns())));
    if (!zone.is_null()) {
        TRY(zone.write(0, 0));
        TRY(zone.write(1, 0));
    }
    return 0;
}

Result<long> sys_time(Task&, UserOut<std::int64_t> out) {
    const auto seconds = static_cast<std::int64_t>(wall_clock_ns() / kNsPerSecond);
    if (!out.is_null()) TRY(out.write(seconds));
    return seconds;
}

Result<long> sys_nanosleep(Task& task, UserIn<abi::Timespec> in, UserOut<abi::Timespec> rest) {
    const abi::Timespec time = TRY(in.read());
    const std::uint64_t ns = TRY(to_ns(time));
    return sleep_relative(task, Deadline::in(ns), rest);
}

Result<long> sys_clock_nanosleep(Task& task, std::int32_t clock, Flags flags,
                                 UserIn<abi::Timespec> in, UserOut<abi::Timespec> rest) {
    constexpr std::uint32_t kAbsolute = 1;
    const std::uint64_t now = TRY(read_clock(task, clock));
    switch (static_cast<Clock>(clock)) {
        case Clock::kThread:
        case Clock::kMonotonicRaw:
        case Clock::kRealtimeCoarse:
        case Clock::kMonotonicCoarse:
            return Errno::OPNOTSUPP;
        default:
            break;
    }
    const abi::Timespec time = TRY(in.read());
    const std::uint64_t ns = TRY(to_ns(time));
    if (!flags.has(kAbsolute)) return sleep_relative(task, Deadline::in(ns), rest);
    const Result<void> slept = sleep_until(Deadline::in(ns > now ? ns - now : 0));
    if (slept || slept.error() == Errno::TIMEDOUT) return 0;
    return Errno::RESTARTNOHAND;
}

Result<long> sys_times(Task& task, UserOut<abi::Tms> out) {
    const TimesUsed used = times_used(task.process());
    if (!out.is_null()) {
        TRY(out.write({to_ticks(used.own.program_ns), to_ticks(used.own.kernel_ns),
                       to_ticks(used.children.program_ns), to_ticks(used.children.kernel_ns)}));
    }
    return to_ticks(arch::now_ns());
}

Result<long> sys_getrusage(Task& task, std::int32_t who, UserOut<abi::ResourceUse> out) {
    constexpr std::int32_t kSelf = 0, kChildren = -1, kThread = 1;
    const TimesUsed used = times_used(task.process());
    CpuTime time;
    if (who == kSelf) {
        time = used.own;
    } else if (who == kChildren) {
        time = used.children;
    } else if (who == kThread) {
        time = cpu_time(task);
    } else {
        return Errno::INVAL;
    }
    TRY(out.write(resource_use(time)));
    return 0;
}

Result<long> sys_alarm(Task& task, std::uint32_t seconds) {
    const std::uint64_t ns = std::uint64_t{seconds} * static_cast<std::uint64_t>(kNsPerSecond);
    const abi::Timeval before = to_timeval(task.process().alarm.set({ns, 0}).left_ns);
    // A timer that is about to fire counts as a second.
    return before.seconds + (before.microseconds != 0 ? 1 : 0);
}

namespace {

/// What `use` makes of the process's timer of that kind. INVAL: there is no such kind.
template <typename Use>
Result<Alarm::Setting> with_timer(Process& process, std::uint32_t which, Use use) {
    constexpr std::uint32_t kReal = 0, kVirtual = 1, kProf = 2;
    switch (which) {
        case kReal:
            return use(process.alarm);
        case kVirtual:
            return use(process.program_alarm);
        case kProf:
            return use(process.profile_alarm);
        default:
            return Errno::INVAL;
    }
}

}  // namespace

Result<long> sys_setitimer(Task& task, std::uint32_t which, UserIn<abi::Timeval> in,
                           UserOut<abi::Timeval> out) {
    TRY(with_timer(task.process(), which, [](auto&) { return Alarm::Setting(); }));
    Alarm::Setting next;
    if (!in.is_null()) {
        const abi::Timeval first = TRY(in.read(0));
        const abi::Timeval second = TRY(in.read(1));
        next.period_ns = TRY(to_ns(first));
        next.left_ns = TRY(to_ns(second));
    }
    const Alarm::Setting before =
        TRY(with_timer(task.process(), which, [&](auto& timer) { return timer.set(next); }));
    if (out.is_null()) return 0;
    TRY(out.write(0, to_timeval(before.period_ns)));
    TRY(out.write(1, to_timeval(before.left_ns)));
    return 0;
}

Result<long> sys_getitimer(Task& task, std::uint32_t which, UserOut<abi::Timeval> out) {
    const Alarm::Setting now =
        TRY(with_timer(task.process(), which, [](auto& timer) { return timer.get(); }));
    TRY(out.write(0, to_timeval(now.period_ns)));
    TRY(out.write(1, to_timeval(now.left_ns)));
    return 0;
}

}  // namespace exo::posix
