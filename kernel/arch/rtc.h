// The battery-backed clock (Motorola MC146818A), read once at start.
#pragma once

#include <cstdint>

#include "lib/base/result.h"

namespace exo::arch {

/// Seconds since 1970, UTC. Takes up to a second in the worst case, usually microseconds. NODEV:
/// what it shows is no time.
Result<std::uint64_t> read_rtc();

}  // namespace exo::arch
