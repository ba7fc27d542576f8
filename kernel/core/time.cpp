#include "kernel/core/time.h"

#include "kernel/arch/cpu.h"
#include "kernel/core/spin_lock.h"
#include "lib/base/atomic.h"

namespace exo {

namespace {

// One independent value (style: atomics).
constinit Atomic<std::uint64_t> wall_clock_offset{0};
constinit Locked<ClockPage*, SpinLock<LockRank::kTimer>> published{nullptr};

void write_offset(ClockPage& page, std::uint64_t offset) {
    const std::uint32_t sequence = page.sequence.load(std::memory_order_relaxed);
    page.sequence.store(sequence + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    page.wall_offset_ns.store(offset, std::memory_order_relaxed);
    page.sequence.store(sequence + 2, std::memory_order_release);
}

}  // namespace

std::uint64_t wall_clock_ns() {
    return arch::now_ns() + wall_clock_offset.load(std::memory_order_relaxed);
}

void set_wall_clock(std::uint64_t ns_since_1970) {
    auto page = published.lock();
    const std::uint64_t offset = ns_since_1970 - arch::now_ns();
    wall_clock_offset.store(offset, std::memory_order_relaxed);
    if (*page != nullptr) write_offset(**page, offset);
}

void publish_clock(ClockPage& page) {
    auto access = published.lock();
    const arch::ClockRate rate = arch::clock_rate();
    page.shift = rate.shift;
    page.origin = rate.origin;
    page.multiplier = rate.multiplier;
    page.has_cpu_number = arch::has_cpu_number() ? 1 : 0;
    *access = &page;
    write_offset(page, wall_clock_offset.load(std::memory_order_relaxed));
}

}  // namespace exo
