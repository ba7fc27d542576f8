// Atomic<T>, the atomic of every lock-free structure here: std::atomic, except in a model check
// (EXO_MODEL_CHECK), where the same source runs on atomics that explore interleavings.
#pragma once

#ifdef EXO_MODEL_CHECK
#include "lib/base/model/atomic.h"
#else
#include <atomic>

namespace exo {

template <typename T>
using Atomic = std::atomic<T>;

}  // namespace exo
#endif
