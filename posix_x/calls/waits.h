// What calls share that wait for a time, with another signal mask or not.
#pragma once

#include "posix_x/arguments.h"
#include "posix_x/times.h"

namespace exo::posix {

/// In so many milliseconds; negative: never.
[[nodiscard]] Deadline deadline_in_ms(std::int32_t milliseconds);

/// The relative time at `at`; null: never. INVAL, FAULT.
Result<Deadline> deadline_of(UserIn<abi::Timespec> at);

/// The signal mask of ppoll(2) and its kin, in force until the call returns; null: as it is. INVAL:
/// not a mask's size; FAULT.
Result<void> use_mask(UserAddr at, std::uint64_t bytes);

}  // namespace exo::posix
