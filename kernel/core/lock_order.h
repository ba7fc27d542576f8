// The lock-order check: each CPU keeps the locks it holds, and taking one whose rank is not below
// all of them is a panic that names both. So is taking a lock that handlers do not take (kThread)
// under one that they do: whoever holds the former may be interrupted by who waits for the latter.
// For the same reason locks held by what a handler interrupted do not count for it. Compiled out
// without assertions.
#pragma once

#include "kernel/core/cpu_local.h"

namespace exo {

#ifdef NDEBUG
inline void lock_order_check(const void*, LockRank, LockContext) {}
inline void lock_order_push(const void*, LockRank, LockContext) {}
inline void lock_order_pop(const void*) {}
#else
/// Before waiting for the lock, so that a deadlock is reported and not entered.
void lock_order_check(const void* lock, LockRank rank, LockContext context);
void lock_order_push(const void* lock, LockRank rank, LockContext context);
void lock_order_pop(const void* lock);
#endif

}  // namespace exo
