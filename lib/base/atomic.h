// Atomic<T>, the atomic of every lock-free structure here: std::atomic, except in a model check
// (EXO_MODEL_CHECK), where the same source runs on atomics that explore interleavings.
#pragma once

#ifdef EXO_MODEL_CHECK
#include "lib/base/model/atomic.h"

#define EXO_RACE_CHECK_READ(address, size) ::exo::model::plain_read(address, size)
#define EXO_RACE_CHECK_WRITE(address, size) ::exo::model::plain_write(address, size)
#else
#include <atomic>

namespace exo {

template <typename T>
using Atomic = std::atomic<T>;

}  // namespace exo

// Ordinary memory that the order of atomics protects (a slot's payload): where it is read and
// written, so that a model check finds accesses that nothing orders.
#define EXO_RACE_CHECK_READ(address, size) static_cast<void>(0)
#define EXO_RACE_CHECK_WRITE(address, size) static_cast<void>(0)
#endif
