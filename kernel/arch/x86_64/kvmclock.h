// The TSC's rate as KVM's host knows it, which needs no measuring.
#pragma once

#include <cstdint>
#include <optional>

namespace exo::arch {

/// Ticks a second; nothing where no KVM offers a clock that is the same on all CPUs. Once, at boot.
[[nodiscard]] std::optional<std::uint64_t> rate_by_kvmclock();

}  // namespace exo::arch
