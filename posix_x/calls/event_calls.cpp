// epoll(7), eventfd(2), timerfd_create(2), signalfd(2): descriptors that are waited for.
#include <algorithm>

#include "abi/linux/event.h"
#include "kernel/ipc/event_counter.h"
#include "kernel/ipc/ready_set.h"
#include "kernel/ipc/timer_file.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/calls/waits.h"
#include "posix_x/signal_file.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

Result<long> install_both_ways(Task& task, Ref<File> file, Flags flags) {
    return install(task, std::move(file), abi::kOReadWrite, close_on_exec_of(flags));
}

Result<Interest> interest_of(const abi::EpollEvent& event, std::uint32_t operation) {
    Interest interest;
    interest.exclusive = (event.events & abi::kEpollExclusive) != 0;
    if (interest.exclusive &&
        (operation == abi::kEpollCtlMod || (event.events & ~abi::kEpollExclusiveOk) != 0))
        return Errno::INVAL;
    interest.events = static_cast<PollEvents>(event.events & 0xffff);
    interest.edge = (event.events & abi::kEpollEdge) != 0;
    interest.once = (event.events & abi::kEpollOneShot) != 0;
    interest.data = event.data;
    return interest;
}

Result<long> wait_for_events(Task& task, Fd set, UserAddr out, std::int32_t count,
                             Deadline deadline) {
    constexpr std::int32_t kMost = INT32_MAX / static_cast<std::int32_t>(sizeof(abi::EpollEvent));
    if (count <= 0 || count > kMost) return Errno::INVAL;
    // The whole place is checked first, as Linux does, even where no event comes to be written.
    const auto bytes = static_cast<std::uint64_t>(count) * sizeof(abi::EpollEvent);
    if (out.value > arch::kUserEnd || bytes > arch::kUserEnd - out.value) return Errno::FAULT;
    const auto ready = TRY(file_as<ReadySet>(task, set, ObjectType::kReadySet));
    class Events final : public ReadySink {
      public:
        explicit Events(UserAddr to) : to_(to) {}
        Result<void> put(const ReadyFile& file) override {
            const abi::EpollEvent event{static_cast<std::uint32_t>(file.events), file.data};
            TRY(write_user(to_, &event, sizeof event));
            to_ = to_ + sizeof event;
            return {};
        }

      private:
        UserAddr to_;
    } events(out);
    const Result<std::size_t> found =
        ready->wait(static_cast<std::size_t>(count), events, deadline);
    if (!found) return found.error() == Errno::RESTARTSYS ? Errno::INTR : found.error();
    return static_cast<long>(*found);
}

}  // namespace

Result<long> sys_epoll_create(Task& task, std::int32_t size) {
    if (size <= 0) return Errno::INVAL;
    return sys_epoll_create1(task, Flags{});
}

Result<long> sys_epoll_create1(Task& task, Flags flags) {
    if (!flags.only(abi::kOCloseOnExec)) return Errno::INVAL;
    return install_both_ways(task, TRY(ReadySet::create()), flags);
}

Result<long> sys_epoll_ctl(Task& task, Fd set, std::uint32_t operation, Fd fd, UserAddr at) {
    abi::EpollEvent event = {};
    if (operation != abi::kEpollCtlDel) TRY(read_user(&event, at, sizeof event));
    const auto watcher = TRY(file_of(task, set));
    const auto file = TRY(file_of(task, fd));
    if (!file->can_be_watched()) return Errno::PERM;
    if (watcher->type() != ObjectType::kReadySet || &*watcher == &*file) return Errno::INVAL;
    ReadySet& ready = static_cast<ReadySet&>(*watcher);
    switch (operation) {
        case abi::kEpollCtlAdd: {
            const Interest interest = TRY(interest_of(event, operation));
            if (interest.exclusive && file->type() == ObjectType::kReadySet) return Errno::INVAL;
            TRY(ready.add(*file, fd, interest));
            return 0;
        }
        case abi::kEpollCtlMod: {
            const Interest interest = TRY(interest_of(event, operation));
            TRY(ready.change(*file, fd, interest));
            return 0;
        }
        case abi::kEpollCtlDel:
            TRY(ready.remove(*file, fd));
            return 0;
        default:
            return Errno::INVAL;
    }
}

Result<long> sys_epoll_wait(Task& task, Fd set, UserAddr events, std::int32_t count,
                            std::int32_t milliseconds) {
    return wait_for_events(task, set, events, count, deadline_in_ms(milliseconds));
}

Result<long> sys_epoll_pwait(Task& task, Fd set, UserAddr events, std::int32_t count,
                             std::int32_t milliseconds, UserAddr mask, std::uint64_t mask_bytes) {
    TRY(use_mask(mask, mask_bytes));
    return wait_for_events(task, set, events, count, deadline_in_ms(milliseconds));
}

Result<long> sys_epoll_pwait2(Task& task, Fd set, UserAddr events, std::int32_t count,
                              UserIn<abi::Timespec> timeout, UserAddr mask,
                              std::uint64_t mask_bytes) {
    const Deadline deadline = TRY(deadline_of(timeout));
    TRY(use_mask(mask, mask_bytes));
    return wait_for_events(task, set, events, count, deadline);
}

Result<long> sys_eventfd(Task& task, std::uint32_t value) {
    return sys_eventfd2(task, value, Flags{});
}

Result<long> sys_eventfd2(Task& task, std::uint32_t value, Flags flags) {
    if (!flags.only(abi::kEventFdSemaphore | abi::kOCloseOnExec | abi::kONonBlock))
        return Errno::INVAL;
    using Take = EventCounter::Take;
    const Take take = flags.has(abi::kEventFdSemaphore) ? Take::kOne : Take::kAll;
    return install_both_ways(
        task, TRY(EventCounter::create(value, take, file_flags_of(flags.bits & abi::kONonBlock))),
        flags);
}

namespace {

/// clockid_t as a clock that a timer can follow; the alarm clocks wake no machine that sleeps,
/// since none does.
Result<TimerFile::Clock> timer_clock_of(std::int32_t clock) {
    constexpr std::int32_t kRealtime = 0, kMonotonic = 1, kBoot = 7, kRealtimeAlarm = 8;
    constexpr std::int32_t kBootAlarm = 9;
    switch (clock) {
        case kMonotonic:
        case kBoot:
        case kBootAlarm:
            return TimerFile::Clock::kMonotonic;
        case kRealtime:
        case kRealtimeAlarm:
            return TimerFile::Clock::kWall;
        default:
            return Errno::INVAL;
    }
}

Result<void> write_setting(UserOut<abi::Timespec> out, const TimerFile::Setting& setting) {
    TRY(out.write(0, to_timespec(setting.period_ns)));
    return out.write(1, to_timespec(setting.left_ns));
}

}  // namespace

Result<long> sys_timerfd_create(Task& task, std::int32_t clock, Flags flags) {
    if (!flags.only(abi::kOCloseOnExec | abi::kONonBlock)) return Errno::INVAL;
    const TimerFile::Clock kind = TRY(timer_clock_of(clock));
    return install_both_ways(
        task, TRY(TimerFile::create(kind, file_flags_of(flags.bits & abi::kONonBlock))), flags);
}

Result<long> sys_timerfd_settime(Task& task, Fd fd, Flags flags, UserIn<abi::Timespec> value,
                                 UserOut<abi::Timespec> old) {
    const abi::Timespec times[] = {TRY(value.read(0)), TRY(value.read(1))};
    if (!flags.only(abi::kTimerAbsolute)) return Errno::INVAL;
    const std::uint64_t period = TRY(to_ns(times[0]));
    const std::uint64_t first = TRY(to_ns(times[1]));
    const auto timer = TRY(file_as<TimerFile>(task, fd, ObjectType::kTimer));
    Deadline at = Deadline::never();
    if (first != 0 && !flags.has(abi::kTimerAbsolute)) {
        at = Deadline::in(first);
    } else if (first != 0 && timer->clock() == TimerFile::Clock::kMonotonic) {
        at = Deadline::at(first);
    } else if (first != 0) {
        const std::uint64_t now = wall_clock_ns();
        at = first > now ? Deadline::in(first - now) : Deadline::in(0);
    }
    const TimerFile::Setting before = timer->set(at, period);
    if (!old.is_null()) TRY(write_setting(old, before));
    return 0;
}

Result<long> sys_timerfd_gettime(Task& task, Fd fd, UserOut<abi::Timespec> out) {
    const auto timer = TRY(file_as<TimerFile>(task, fd, ObjectType::kTimer));
    TRY(write_setting(out, timer->get()));
    return 0;
}

Result<long> sys_signalfd(Task& task, std::int32_t fd, UserIn<std::uint64_t> mask,
                          std::uint64_t mask_bytes) {
    return sys_signalfd4(task, fd, mask, mask_bytes, Flags{});
}

Result<long> sys_signalfd4(Task& task, std::int32_t fd, UserIn<std::uint64_t> in,
                           std::uint64_t mask_bytes, Flags flags) {
    if (mask_bytes != sizeof(std::uint64_t)) return Errno::INVAL;
    const std::uint64_t mask = TRY(in.read()) & ~kUnblockable;
    if (!flags.only(abi::kOCloseOnExec | abi::kONonBlock)) return Errno::INVAL;
    if (fd == -1) {
        return install_both_ways(
            task, TRY(SignalFile::create(mask, file_flags_of(flags.bits & abi::kONonBlock))),
            flags);
    }
    const auto file = TRY(file_as<SignalFile>(task, Fd{fd}, ObjectType::kSignals));
    file->set_mask(mask);
    return fd;
}

}  // namespace exo::posix
