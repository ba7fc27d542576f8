#include "kernel/core/time.h"

#include "lib/base/atomic.h"

namespace exo {

namespace {
// One independent value (style: atomics).
constinit Atomic<std::uint64_t> wall_clock_offset{0};
}  // namespace

std::uint64_t wall_clock_ns() {
    return arch::now_ns() + wall_clock_offset.load(std::memory_order_relaxed);
}

void set_wall_clock(std::uint64_t ns_since_1970) {
    wall_clock_offset.store(ns_since_1970 - arch::now_ns(), std::memory_order_relaxed);
}

}  // namespace exo
