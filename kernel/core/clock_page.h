// The clock as a page that programs may read (the vDSO's data): how to make nanoseconds of the TSC,
// and the offset of the wall clock. Fixed layout, shared by kernel and vDSO.
//
// A sequence lock: odd while the kernel writes. The writer makes it odd before (release fence) and
// even after (release store); a reader that sees the same even number before (acquire) and after
// (acquire fence) has read a consistent whole.
#pragma once

#include <cstdint>

#include "lib/base/atomic.h"

namespace exo {

struct ClockPage {
    Atomic<std::uint32_t> sequence;
    std::uint32_t shift;  ///< ns = (tsc - origin) * multiplier >> shift
    std::uint64_t origin;
    std::uint64_t multiplier;
    Atomic<std::uint64_t> wall_offset_ns;  ///< CLOCK_REALTIME - CLOCK_MONOTONIC
    std::uint32_t has_cpu_number;          ///< RDTSCP gives CPU number and node (<< 12)
};

}  // namespace exo
