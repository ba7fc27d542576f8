// What the allocator asks of whoever links it, besides exo::panic (lib/base/panic.h) and the Source
// given at run time: how to wait for a contended lock. Programs: lib/alloc/host/lock_port.cpp
// (futex(2)). The kernel spins.
#pragma once

#include <cstdint>

#include "lib/base/atomic.h"

namespace exo::alloc::port {

/// Returns soon after `word` stops being `expected`, or at any time before: the caller looks again.
void lock_wait(Atomic<std::uint32_t>& word, std::uint32_t expected);

/// Wakes at least one caller of lock_wait on `word`, if there is one.
void lock_wake(Atomic<std::uint32_t>& word);

}  // namespace exo::alloc::port
