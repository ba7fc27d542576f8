#include "lib/alloc/lock.h"

#include "lib/base/cpu.h"

namespace exo::alloc {

void Lock::lock_contended() {
    // Holders stay a few hundred cycles at most, unless they lose their CPU: spin that long first.
    for (int spin = 0; spin < 100; ++spin) {
        if (word_.load(std::memory_order_relaxed) == kFree) {
            std::uint32_t expected = kFree;
            if (word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
                return;
            }
        }
        cpu_relax();
    }
    // From here the word says kContended, also when this thread gets the lock: it cannot know
    // whether others still wait, so its unlock must wake one.
    while (word_.exchange(kContended, std::memory_order_acquire) != kFree) {
        port::lock_wait(word_, kContended);
    }
}

}  // namespace exo::alloc
