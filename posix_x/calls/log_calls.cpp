// syslog(2): the kernel log, for dmesg(1) and klogd(8).
#include <algorithm>

#include "abi/linux/capability.h"
#include "kernel/core/log.h"
#include "kernel/core/mutex.h"
#include "kernel/core/scheduler.h"
#include "posix_x/calls.h"

namespace exo::posix {

namespace {

/// syslog(2)'s actions.
enum class Action : std::uint32_t {
    kClose,
    kOpen,
    kRead,
    kReadAll,
    kReadClear,
    kClear,
    kConsoleOff,
    kConsoleOn,
    kConsoleLevel,
    kSizeUnread,
    kSizeBuffer,
};

struct LogState {
    std::uint64_t cleared = 0;  ///< what is older is not shown again
    std::uint64_t unread = 0;   ///< where kRead goes on
    LogLevel level_before = LogLevel::kInfo;
    bool console_off = false;
};
constinit Locked<LogState, SpinLock<LockRank::kProcessParts>> log_state;

/// Log bytes from `position`, `wanted` at most, to the program; moves it. How many.
Result<std::uint64_t> copy_log(std::uint64_t& position, std::uint64_t wanted, UserAddr out) {
    std::uint64_t done = 0;
    while (done < wanted) {
        char piece[512];
        const std::size_t got = read_log(
            position, std::span(piece).first(std::min<std::uint64_t>(sizeof piece, wanted - done)));
        if (got == 0) break;
        TRY(write_user(out + done, piece, got));
        done += got;
    }
    return done;
}

/// The newest that fits, as Linux gives it.
Result<long> read_all(UserAddr out, std::uint64_t bytes) {
    const LogExtent extent = log_extent();
    const std::uint64_t oldest = std::max(extent.end - extent.kept, log_state.lock()->cleared);
    const std::uint64_t wanted = std::min(extent.end - oldest, bytes);
    std::uint64_t position = extent.end - wanted;
    return static_cast<long>(TRY(copy_log(position, wanted, out)));
}

std::uint64_t unread_bytes() {
    const LogExtent extent = log_extent();
    return std::min<std::uint64_t>(extent.end - log_state.lock()->unread, extent.kept);
}

// Looks for new lines ten times a second, as /dev/kmsg does: a log line may be written in any
// context and wakes nobody.
Result<long> read_next(UserAddr out, std::uint64_t bytes) {
    constexpr std::uint64_t kInterval = 100'000'000;
    while (unread_bytes() == 0) TRY(sleep_until(Deadline::in(kInterval)));
    std::uint64_t position = log_state.lock()->unread;
    const std::uint64_t done = TRY(copy_log(position, bytes, out));
    log_state.lock()->unread = position;
    return static_cast<long>(done);
}

void switch_console(bool off) {
    auto state = log_state.lock();
    if (off == state->console_off) return;
    state->console_off = off;
    if (off) state->level_before = console_log_level();
    set_console_log_level(off ? LogLevel::kEmergency : state->level_before);
}

/// Lines below `level` go to the console: 1 (only the gravest) to 8 (all).
Result<long> set_level(std::int32_t level) {
    if (level < 1 || level > 8) return Errno::INVAL;
    log_state.lock()->console_off = false;
    set_console_log_level(static_cast<LogLevel>(level - 1));
    return 0;
}

}  // namespace

Result<long> sys_syslog(Task& task, std::uint32_t number, UserAddr out, std::int32_t bytes) {
    const auto action = static_cast<Action>(number);
    if (action != Action::kReadAll && action != Action::kSizeBuffer &&
        !task.process().credentials()->capable(abi::kCapSyslog)) {
        return Errno::PERM;
    }
    const bool reads =
        action == Action::kRead || action == Action::kReadAll || action == Action::kReadClear;
    if (reads && (bytes < 0 || out.is_null())) return Errno::INVAL;
    if (reads && bytes == 0) return 0;
    switch (action) {
        case Action::kClose:
        case Action::kOpen:
            return 0;
        case Action::kRead:
            return read_next(out, static_cast<std::uint64_t>(bytes));
        case Action::kReadAll:
            return read_all(out, static_cast<std::uint64_t>(bytes));
        case Action::kReadClear: {
            const long done = TRY(read_all(out, static_cast<std::uint64_t>(bytes)));
            log_state.lock()->cleared = log_extent().end;
            return done;
        }
        case Action::kClear:
            log_state.lock()->cleared = log_extent().end;
            return 0;
        case Action::kConsoleOff:
        case Action::kConsoleOn:
            switch_console(action == Action::kConsoleOff);
            return 0;
        case Action::kConsoleLevel:
            return set_level(bytes);
        case Action::kSizeUnread:
            return static_cast<long>(unread_bytes());
        case Action::kSizeBuffer:
            return static_cast<long>(kLogBytes);
        default:
            return Errno::INVAL;
    }
}

}  // namespace exo::posix
