// The malloc family of libexo_alloc.so: malloc(3), posix_memalign(3), malloc_usable_size(3), with
// glibc's answers and errno where the manual leaves a choice. What is about the heap as a whole is
// in malloc_info.cpp. operator new and delete of libstdc++ and libc++ end here as well.
#include <malloc.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "lib/alloc/corruption.h"
#include "lib/alloc/host/thread_cache.h"
#include "lib/base/bits.h"

#define EXO_EXPORT extern "C" __attribute__((visibility("default")))

namespace exo::alloc::host {

namespace {

[[gnu::cold]] void* no_memory() {
    errno = ENOMEM;
    return nullptr;
}

[[gnu::noinline]] void* malloc_slow(std::size_t size) {
    if (size > PTRDIFF_MAX) return no_memory();
    const Access access = access_heap();
    if (access.heap == nullptr) return no_memory();
    void* p = access.cache != nullptr ? access.heap->allocate_slow(*access.cache, size)
                                      : access.heap->allocate_uncached(size);
    return p != nullptr ? p : no_memory();
}

[[gnu::noinline]] void free_slow(void* p) {
    if (p == nullptr) return;
    const Access access = access_heap();
    if (access.heap == nullptr) corruption("pointer that is not from this heap:", p);
    if (access.cache != nullptr) {
        access.heap->free_slow(*access.cache, p);
    } else {
        access.heap->free_uncached(p);
    }
}

void* calloc_large(std::size_t size) {
    if (size > PTRDIFF_MAX) return no_memory();
    const Access access = access_heap();
    if (access.heap != nullptr && access.cache != nullptr) {
        void* p = access.heap->allocate_zeroed(*access.cache, size);
        return p != nullptr ? p : no_memory();
    }
    void* p = malloc_slow(size);
    if (p != nullptr) std::memset(p, 0, size);
    return p;
}

/// `alignment` is a power of two. Sets no errno.
void* allocate_aligned(std::size_t alignment, std::size_t size) {
    if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX) return nullptr;
    const Access access = access_heap();
    if (access.heap == nullptr) return nullptr;
    if (access.cache != nullptr) {
        return access.heap->allocate_aligned(*access.cache, size, alignment).value_or(nullptr);
    }
    // A thread past its end: a cache for this one call.
    const auto cache = access.heap->create_cache();
    if (!cache) return nullptr;
    void* p = access.heap->allocate_aligned(**cache, size, alignment).value_or(nullptr);
    access.heap->destroy_cache(**cache);
    return p;
}

}  // namespace

}  // namespace exo::alloc::host

using namespace exo::alloc;
using namespace exo::alloc::host;

EXO_EXPORT void* malloc(std::size_t size) {
    if (void* p = thread_cache->pop(size)) [[likely]]
        return p;
    return malloc_slow(size);
}

EXO_EXPORT void free(void* p) {
    if (!thread_cache->push(p)) [[unlikely]]
        free_slow(p);
}

EXO_EXPORT void* calloc(std::size_t count, std::size_t size) {
    const auto bytes = exo::checked_mul(count, size);
    if (!bytes) return no_memory();
    if (*bytes > kSlabMax) return calloc_large(*bytes);
    void* p = malloc(*bytes);
    if (p != nullptr) std::memset(p, 0, *bytes);
    return p;
}

EXO_EXPORT void* realloc(void* p, std::size_t size) {
    if (p == nullptr) return malloc(size);
    if (size == 0) {
        free(p);
        return nullptr;
    }
    if (size > PTRDIFF_MAX) return no_memory();
    const Access access = access_heap();
    if (access.heap == nullptr) corruption("pointer that is not from this heap:", p);
    if (access.cache != nullptr) {
        void* q = access.heap->reallocate(*access.cache, p, size);
        return q != nullptr ? q : no_memory();
    }
    const std::size_t old_size = access.heap->usable_size(p);
    void* q = malloc_slow(size);
    if (q == nullptr) return nullptr;
    std::memcpy(q, p, old_size < size ? old_size : size);
    access.heap->free_uncached(p);
    return q;
}

EXO_EXPORT void* reallocarray(void* p, std::size_t count, std::size_t size) {
    const auto bytes = exo::checked_mul(count, size);
    if (!bytes) return no_memory();
    return realloc(p, *bytes);
}

EXO_EXPORT int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
    void* p = allocate_aligned(alignment, size);
    if (p == nullptr) return ENOMEM;
    *out = p;
    return 0;
}

EXO_EXPORT void* memalign(std::size_t alignment, std::size_t size) {
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return nullptr;
    }
    // As glibc: an alignment that is no power of two is rounded up to one.
    void* p = allocate_aligned(std::bit_ceil(alignment), size);
    return p != nullptr ? p : no_memory();
}

EXO_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return memalign(alignment, size);
}

EXO_EXPORT void* valloc(std::size_t size) {
    return memalign(kPageBytes, size);
}

EXO_EXPORT void* pvalloc(std::size_t size) {
    const auto rounded = exo::checked_align_up(size, kPageBytes);
    if (!rounded) return no_memory();
    return memalign(kPageBytes, *rounded);
}

EXO_EXPORT std::size_t malloc_usable_size(void* p) {
    if (p == nullptr) return 0;
    Heap* heap = existing_heap();
    if (heap == nullptr) corruption("pointer that is not from this heap:", p);
    return heap->usable_size(p);
}

// C23; in no header of this libc yet.
EXO_EXPORT void free_sized(void* p, std::size_t size) {
    if (p == nullptr) return;
    const Access access = access_heap();
    if (access.heap == nullptr || access.cache == nullptr) return free(p);
    access.heap->free_sized(*access.cache, p, size);
}

EXO_EXPORT void free_aligned_sized(void* p, std::size_t /*alignment*/, std::size_t /*size*/) {
    free(p);
}
