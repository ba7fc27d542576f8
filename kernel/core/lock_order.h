// The lock-order check: each CPU keeps the locks it holds, and taking one whose rank is not below
// all of them is a panic that names both. Compiled out without assertions.
#pragma once

#include "kernel/core/cpu_local.h"

namespace exo {

#ifdef NDEBUG
inline void lock_order_check(const void*, LockRank) {}
inline void lock_order_push(const void*, LockRank) {}
inline void lock_order_pop(const void*) {}
#else
/// Before waiting for the lock, so that a deadlock is reported and not entered.
void lock_order_check(const void* lock, LockRank rank);
void lock_order_push(const void* lock, LockRank rank);
void lock_order_pop(const void* lock);
#endif

}  // namespace exo
