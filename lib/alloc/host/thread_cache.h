// The process's one heap and each thread's cache of it, for libexo_alloc.so: made on first use,
// which may be before any constructor has run, given back when the thread ends, consistent after
// fork(2).
#pragma once

#include "lib/alloc/heap.h"

namespace exo::alloc::host {

/// This thread's cache; before its first allocation, and after its end, one that is always empty.
/// initial-exec: one load, and usable before this library's constructors.
extern thread_local constinit Cache* thread_cache
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/// The heap, or nullptr if nothing was ever allocated.
[[nodiscard]] Heap* existing_heap();

/// A heap and this thread's cache of it. No heap: there is no memory at all. No cache: this thread
/// is past its end or there is no memory for one; use the uncached calls.
struct Access {
    Heap* heap;
    Cache* cache;
};
[[nodiscard]] Access access_heap();

}  // namespace exo::alloc::host
