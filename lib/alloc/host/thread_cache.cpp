#include "lib/alloc/host/thread_cache.h"

#include <pthread.h>

#include <climits>

#include "lib/alloc/host/mmap_source.h"
#include "lib/alloc/lock.h"

namespace exo::alloc::host {

namespace {

constinit Cache no_cache;

/// What became of this thread's cache.
enum class CacheState : unsigned char { kNone, kLive, kEnded };
thread_local constinit CacheState cache_state __attribute__((tls_model("initial-exec"))) =
    CacheState::kNone;

constinit Atomic<Heap*> the_heap{nullptr};
constinit Lock creation_lock;
pthread_key_t exit_key;

/// Runs when a thread ends, as often as pthread_key_create(3) allows, and gives the cache back only
/// in the last round: destructors of other keys may still allocate. What comes later is uncached.
void thread_exit(void* round_pointer) {
    const auto round = reinterpret_cast<std::uintptr_t>(round_pointer);
    if (round < PTHREAD_DESTRUCTOR_ITERATIONS &&
        pthread_setspecific(exit_key, reinterpret_cast<void*>(round + 1)) == 0) {
        return;
    }
    Cache* cache = thread_cache;
    thread_cache = &no_cache;
    cache_state = CacheState::kEnded;
    the_heap.load(std::memory_order_acquire)->destroy_cache(*cache);
}

// Before fork: all locks, so that no other thread is within the shared levels. The child has this
// thread only; the caches of the others stay with what they held.
void before_fork() NO_THREAD_SAFETY_ANALYSIS {
    creation_lock.lock();
    if (Heap* heap = existing_heap()) heap->lock_all();
}

void after_fork() NO_THREAD_SAFETY_ANALYSIS {
    if (Heap* heap = existing_heap()) heap->unlock_all();
    creation_lock.unlock();
}

/// First constructor of all: what registers its fork handlers later runs them while this heap
/// works.
[[gnu::constructor(101)]] void register_fork_handlers() {
    pthread_atfork(before_fork, after_fork, after_fork);
}

Heap* create_heap() {
    const Guard guard(creation_lock);
    if (Heap* heap = the_heap.load(std::memory_order_acquire)) return heap;
    const auto source = reserve_mmap_source();
    if (!source) return nullptr;
    const auto heap = Heap::create(*source);
    if (!heap || pthread_key_create(&exit_key, thread_exit) != 0) {
        release_mmap_source(*source);
        return nullptr;
    }
    // release: who sees the pointer sees the heap.
    the_heap.store(*heap, std::memory_order_release);
    return *heap;
}

}  // namespace

thread_local constinit Cache* thread_cache = &no_cache;

Heap* existing_heap() {
    return the_heap.load(std::memory_order_acquire);
}

Access access_heap() {
    Heap* heap = existing_heap();
    if (cache_state == CacheState::kLive) return {heap, thread_cache};
    if (heap == nullptr) heap = create_heap();
    if (heap == nullptr || cache_state == CacheState::kEnded) return {heap, nullptr};
    const auto cache = heap->create_cache();
    if (!cache) return {heap, nullptr};
    // In place before pthread_setspecific, which allocates for all but the first few keys.
    thread_cache = *cache;
    cache_state = CacheState::kLive;
    if (pthread_setspecific(exit_key, reinterpret_cast<void*>(std::uintptr_t{1})) != 0) {
        thread_cache = &no_cache;
        cache_state = CacheState::kNone;
        heap->destroy_cache(**cache);
        return {heap, nullptr};
    }
    return {heap, *cache};
}

}  // namespace exo::alloc::host
