// poll(2), select(2): waiting for several files at once.
#include <algorithm>

#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/calls/waits.h"
#include "posix_x/signals.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

/// Stands in every queue that a file names, and notes that one was woken.
class Watcher final : public PollTable {
  public:
    struct Place : Waiter {
        explicit Place(Watcher& w) : Waiter(&notify), watcher(w) {}
        static bool notify(Waiter& waiter, WakeHint hint) {
            Watcher& watcher = static_cast<Place&>(waiter).watcher;
            watcher.woken_.store(true, std::memory_order_release);
            wake(watcher.thread_, hint);
            return false;  // it may not be this one that reads
        }
        Watcher& watcher;
        WaitQueue* queue = nullptr;
        RefPtr<RefCounted> keeper;
    };

    Watcher() : thread_(this_thread()) {}
    ~Watcher() {
        for (const Box<Place>& place : places_) place->queue->remove(*place);
    }
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    using PollTable::watch;
    void watch(WaitQueue& queue, RefPtr<RefCounted> keeper) override {
        auto place = Box<Place>::create(*this);
        if (!place) {
            failed_ = true;
            return;
        }
        (*place)->queue = &queue;
        (*place)->keeper = std::move(keeper);
        Place& added = **place;
        if (!places_.push_back(*std::move(place))) {
            failed_ = true;
            return;
        }
        queue.add_watcher(added);
    }

    [[nodiscard]] bool failed() const { return failed_; }

    /// Until one of the queues is woken. TIMEDOUT, RESTARTSYS.
    Result<void> sleep(Deadline deadline) {
        return own_.wait([&] { return woken_.exchange(false, std::memory_order_acquire); },
                         deadline);
    }

  private:
    Thread& thread_;
    WaitQueue own_;
    Vector<Box<Place>> places_;
    Atomic<bool> woken_{false};
    bool failed_ = false;
};

/// What is watched, and kept open meanwhile.
struct Watched {
    FileUse file;
    PollEvents wanted = PollEvents::kNone;
    PollEvents found = PollEvents::kNone;
};

constexpr PollEvents kAlways = PollEvents::kError | PollEvents::kHangup;

/// Looks at all once; how many have something.
std::size_t look(std::span<Watched> all, PollTable* table) {
    std::size_t ready = 0;
    for (Watched& each : all) {
        if (!each.file) continue;
        each.found = with_bands(each.file->poll(table)) & (each.wanted | kAlways);
        if (each.found != PollEvents::kNone) ++ready;
    }
    return ready;
}

/// How many are ready, 0 after `deadline`. RESTARTSYS: interrupted before. Who finds something at
/// once, or does not wait, stands in no queue.
Result<std::size_t> wait_for_any(std::span<Watched> all, Deadline deadline, bool any_ready) {
    std::size_t ready = look(all, nullptr);
    if (ready != 0 || any_ready || deadline.passed()) return ready;
    Watcher watcher;
    ready = look(all, &watcher);
    if (watcher.failed()) return Errno::NOMEM;
    while (ready == 0) {
        const Result<void> slept = watcher.sleep(deadline);
        ready = look(all, nullptr);
        if (slept || ready != 0) continue;
        if (slept.error() == Errno::TIMEDOUT) break;
        return slept.error();
    }
    return ready;
}

Result<long> resume_poll(Task& task);

Result<long> poll_until(Task& task, UserAddr at, std::uint32_t count, Deadline deadline) {
    if (count > task.process().limits.soft(abi::Limit::kFiles)) return Errno::INVAL;
    Vector<abi::PollFd> fds;
    TRY(fds.resize(count));
    Vector<Watched> all;
    TRY(all.resize(count));
    TRY(read_user(fds.data(), at, count * sizeof(abi::PollFd)));
    constexpr std::int16_t kInvalid = 0x20;
    bool invalid = false;
    for (std::size_t i = 0; i < count; ++i) {
        fds[i].revents = 0;
        if (fds[i].fd < 0) continue;
        auto file = opened_file_of(task, Fd{fds[i].fd});
        if (!file) {
            fds[i].revents = kInvalid;
            invalid = true;
            continue;
        }
        all[i].file = *std::move(file);
        all[i].wanted = static_cast<PollEvents>(fds[i].events);
    }
    TRY(wait_for_any(all, deadline, invalid));
    long ready = 0;
    for (std::size_t i = 0; i < count; ++i) {
        fds[i].revents =
            static_cast<std::int16_t>(fds[i].revents | static_cast<std::int16_t>(all[i].found));
        if (fds[i].revents != 0) ++ready;
        TRY(UserOut<std::int16_t>{at + i * sizeof(abi::PollFd) + offsetof(abi::PollFd, revents)}
                .write(fds[i].revents));
    }
    return ready;
}

/// poll(2) is gone on with after a stop, towards the same end.
Result<long> poll_restartable(Task& task, UserAddr at, std::uint32_t count, Deadline deadline) {
    Result<long> result = poll_until(task, at, count, deadline);
    if (result || result.error() != Errno::RESTARTSYS) return result;
    task.restart.resume = resume_poll;
    task.restart.words[0] = at.value;
    task.restart.words[1] = count;
    task.restart.words[2] = deadline.at_ns;
    return Errno::RESTART_RESTARTBLOCK;
}

Result<long> resume_poll(Task& task) {
    return poll_restartable(task, UserAddr{task.restart.words[0]},
                            static_cast<std::uint32_t>(task.restart.words[1]),
                            Deadline::at(task.restart.words[2]));
}

/// What is left, told where ppoll(2) and select(2) were given a time.
void write_rest(UserAddr at, Deadline deadline, bool micro) {
    if (at.is_null()) return;
    const std::uint64_t now = arch::now_ns();
    const std::uint64_t left = deadline.at_ns > now ? deadline.at_ns - now : 0;
    const abi::Timespec nano = to_timespec(left);
    const abi::Timeval time = to_timeval(left);
    // As on Linux, a place that cannot be written is no error any more.
    static_cast<void>(micro ? write_user(at, &time, sizeof time)
                            : write_user(at, &nano, sizeof nano));
}

// select(2): three sets of bits for the descriptors below `count`.
constexpr std::size_t kSetBits = 1024;
struct FdSets {
    static constexpr std::size_t kWords = kSetBits / 64;
    std::uint64_t words[3][kWords] = {};
};

constexpr PollEvents kEventsOf[3] = {PollEvents::kIn, PollEvents::kOut, PollEvents::kPri};
// What makes a descriptor readable and writable to select(2) (POLLIN_SET and so on of Linux).
constexpr PollEvents kCountsAs[3] = {PollEvents::kIn | PollEvents::kHangup | PollEvents::kError,
                                     PollEvents::kOut | PollEvents::kError, PollEvents::kPri};

Result<long> select_until(Task& task, std::int32_t count, const UserAddr (&at)[3],
                          Deadline deadline) {
    if (count < 0) return Errno::INVAL;
    const auto bits = std::min<std::size_t>(static_cast<std::size_t>(count), kSetBits);
    const std::size_t bytes = (bits + 63) / 64 * 8;
    FdSets in, out;
    for (std::size_t set = 0; set < 3; ++set)
        if (!at[set].is_null()) TRY(read_user(in.words[set], at[set], bytes));
    Vector<Watched> all;
    TRY(all.resize(bits));
    const auto wants = [&](std::size_t set, std::size_t fd) {
        return (in.words[set][fd / 64] >> (fd % 64) & 1) != 0;
    };
    for (std::size_t fd = 0; fd < bits; ++fd) {
        for (std::size_t set = 0; set < 3; ++set)
            if (wants(set, fd)) all[fd].wanted = all[fd].wanted | kEventsOf[set];
        if (all[fd].wanted != PollEvents::kNone)
            all[fd].file = TRY(opened_file_of(task, Fd{static_cast<std::int32_t>(fd)}));
    }
    TRY(wait_for_any(all, deadline, false));
    long ready = 0;
    for (std::size_t fd = 0; fd < bits; ++fd) {
        for (std::size_t set = 0; set < 3; ++set) {
            if (!wants(set, fd) || (all[fd].found & kCountsAs[set]) == PollEvents::kNone) continue;
            out.words[set][fd / 64] |= std::uint64_t{1} << (fd % 64);
            ++ready;
        }
    }
    for (std::size_t set = 0; set < 3; ++set)
        if (!at[set].is_null()) TRY(write_user(at[set], out.words[set], bytes));
    return ready;
}

Result<long> not_restarted(Result<long> result) {
    if (!result && result.error() == Errno::RESTARTSYS) return Errno::RESTARTNOHAND;
    return result;
}

}  // namespace

Result<long> sys_poll(Task& task, UserAddr fds, std::uint32_t count, std::int32_t milliseconds) {
    return poll_restartable(task, fds, count, deadline_in_ms(milliseconds));
}

Result<long> sys_ppoll(Task& task, UserAddr fds, std::uint32_t count, UserIn<abi::Timespec> timeout,
                       UserAddr mask, std::uint64_t mask_bytes) {
    const Deadline deadline = TRY(deadline_of(timeout));
    TRY(use_mask(mask, mask_bytes));
    Result<long> result = not_restarted(poll_until(task, fds, count, deadline));
    write_rest(timeout.at, deadline, false);
    return result;
}

Result<long> sys_select(Task& task, std::int32_t count, UserAddr in, UserAddr out, UserAddr except,
                        UserIn<abi::Timeval> timeout) {
    Deadline deadline = Deadline::never();
    if (!timeout.is_null()) {
        // More than a second of microseconds is taken, here only.
        constexpr std::int64_t kSecond = 1'000'000;
        abi::Timeval time = TRY(timeout.read());
        if (__builtin_add_overflow(time.seconds, time.microseconds / kSecond, &time.seconds))
            return Errno::INVAL;
        time.microseconds %= kSecond;
        deadline = Deadline::in(TRY(to_ns(time)));
    }
    Result<long> result = not_restarted(select_until(task, count, {in, out, except}, deadline));
    write_rest(timeout.at, deadline, true);
    return result;
}

Result<long> sys_pselect6(Task& task, std::int32_t count, UserAddr in, UserAddr out,
                          UserAddr except, UserIn<abi::Timespec> timeout,
                          UserIn<std::uint64_t> mask) {
    const Deadline deadline = TRY(deadline_of(timeout));
    if (!mask.is_null()) {
        const auto at = TRY(mask.read(0));
        const auto bytes = TRY(mask.read(1));
        TRY(use_mask(UserAddr{at}, bytes));
    }
    Result<long> result = not_restarted(select_until(task, count, {in, out, except}, deadline));
    write_rest(timeout.at, deadline, false);
    return result;
}

}  // namespace exo::posix
