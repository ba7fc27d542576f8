// The groups of rows, one file each; ring_bench.cpp runs them.
#pragma once

#include "bench/core/harness/partner.h"

namespace exo::bench {

/// line.oneway, ring.inline.oneway, ring.inline.samecore, ring.zerocopy.oneway.*. The caller is
/// pinned to another CPU than `partner`.
void latency_rows(Partner& partner);

/// ring.batch.*, ring.mpmc.permsg.
void stream_rows(Partner& partner);

/// ring.wake.*: `here` is the CPU of the caller, `there` another.
void wake_rows(int here, int there);

}  // namespace exo::bench
