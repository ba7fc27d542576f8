// The groups of rows, one file each; ring_bench.cpp runs them.
#pragma once

#include "bench/core/harness/partner.h"
#include "bench/core/harness/report.h"

namespace exo::bench {

/// Whether `row`, where lower is better, misses its target and is yet at most `bound`, a figure
/// derived from others of the same run: how far the miss has been measured and described (docs/
/// ring.md). Any larger miss is news, and gets no note.
[[nodiscard]] inline bool known_miss(const Row& row, double bound) {
    return row.target && row.value > *row.target && row.value <= bound;
}

/// line.oneway, ring.inline.oneway, ring.inline.samecore, ring.zerocopy.oneway.*. The caller is
/// pinned to another CPU than `partner`.
void latency_rows(Partner& partner);

/// ring.batch.*, ring.mpmc.permsg.
void stream_rows(Partner& partner);

/// ring.wake.*: `here` is the CPU of the caller, `there` another.
void wake_rows(int here, int there);

}  // namespace exo::bench
