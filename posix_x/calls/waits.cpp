#include "posix_x/calls/waits.h"

#include "posix_x/signals.h"

namespace exo::posix {

Deadline deadline_in_ms(std::int32_t milliseconds) {
    if (milliseconds < 0) return Deadline::never();
    return Deadline::in(static_cast<std::uint64_t>(milliseconds) * 1'000'000);
}

Result<Deadline> deadline_of(UserIn<abi::Timespec> at) {
    if (at.is_null()) return Deadline::never();
    const abi::Timespec time = TRY(at.read());
    return Deadline::in(TRY(to_ns(time)));
}

Result<void> use_mask(UserAddr at, std::uint64_t bytes) {
    if (at.is_null()) return {};
    if (bytes != sizeof(std::uint64_t)) return Errno::INVAL;
    const auto mask = TRY(UserIn<std::uint64_t>{at}.read());
    set_blocked_until_return(mask);
    return {};
}

}  // namespace exo::posix
