// Points in time and how long to wait.
#pragma once

#include <compare>
#include <cstdint>

#include "kernel/arch/clock.h"
#include "kernel/core/clock_page.h"

namespace exo {

/// When a wait ends, on the monotonic clock (arch::now_ns()).
struct Deadline {
    std::uint64_t at_ns = kNever;

    static constexpr std::uint64_t kNever = ~std::uint64_t{0};

    static constexpr Deadline never() { return {}; }
    static constexpr Deadline at(std::uint64_t ns) { return {ns}; }
    /// Saturates.
    static Deadline in(std::uint64_t ns) {
        const std::uint64_t now = arch::now_ns();
        return {ns < kNever - now ? now + ns : kNever};
    }
    [[nodiscard]] bool is_never() const { return at_ns == kNever; }
    [[nodiscard]] bool passed() const { return at_ns != kNever && arch::now_ns() >= at_ns; }
    auto operator<=>(const Deadline&) const = default;
};

/// Nanoseconds since 1970 (CLOCK_REALTIME): the monotonic clock plus an offset that
/// set_wall_clock() moves. Lock-free.
[[nodiscard]] std::uint64_t wall_clock_ns();
void set_wall_clock(std::uint64_t ns_since_1970);

/// `page` shows the clock to programs from now on. Once.
void publish_clock(ClockPage& page);

}  // namespace exo
