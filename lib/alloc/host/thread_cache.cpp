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
bool exit_key_made GUARDED_BY(creation_lock) = false;

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

/// A heap over as many addresses as can be had: their tables are committed at once, which strict
/// overcommit (proc(5), vm.overcommit_memory 2) may refuse for the most.
Result<Heap*> reserve_heap() {
    for (std::size_t most = kDefaultReserve;; most /= 2) {
        const Source source = TRY(reserve_mmap_source(most));
        const auto heap = Heap::create(source);
        if (heap) return *heap;
        release_mmap_source(source);
    }
}

Heap* create_heap() {
    const Guard guard(creation_lock);
    if (Heap* heap = the_heap.load(std::memory_order_acquire)) return heap;
    if (!exit_key_made && pthread_key_create(&exit_key, thread_exit) != 0) return nullptr;
    exit_key_made = true;
    const auto heap = reserve_heap();
    if (!heap) return nullptr;
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
