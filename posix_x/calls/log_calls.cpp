// syslog(2): the kernel log, for dmesg(1).
#include <algorithm>

#include "kernel/core/log.h"
#include "posix_x/calls.h"

namespace exo::posix {

Result<long> sys_syslog(Task& task, std::uint32_t action, UserAddr out, std::int32_t bytes) {
    constexpr std::uint32_t kReadAll = 3, kSizeBuffer = 10;
    constexpr unsigned kSyslogCapability = 34;
    if (action != kReadAll && action != kSizeBuffer &&
        !task.process().credentials()->capable(kSyslogCapability)) {
        return Errno::PERM;
    }
    const LogExtent extent = log_extent();
    if (action == kSizeBuffer) return static_cast<long>(extent.kept);
    if (action != kReadAll) return Errno::INVAL;
    if (bytes < 0 || out.is_null()) return Errno::INVAL;
    // The newest that fits, as Linux gives it.
    const std::uint64_t wanted =
        std::min<std::uint64_t>(extent.kept, static_cast<std::uint64_t>(bytes));
    std::uint64_t position = extent.end - wanted;
    std::uint64_t done = 0;
    while (done < wanted) {
        char piece[512];
        const std::size_t got = read_log(
            position, std::span(piece).first(std::min<std::uint64_t>(sizeof piece, wanted - done)));
        if (got == 0) break;
        TRY(write_user(out + done, piece, got));
        done += got;
    }
    return static_cast<long>(done);
}

}  // namespace exo::posix
