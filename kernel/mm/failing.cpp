#include "kernel/mm/failing.h"

#include "kernel/core/thread.h"
#include "lib/base/atomic.h"
#include "lib/base/panic.h"

namespace exo {

namespace {

// Written by the failing thread only; the others read `failing_thread`, which is not theirs.
constinit Atomic<const Thread*> failing_thread{nullptr};
constinit std::uint64_t left = 0;
constinit FailingAllocations::How mode = FailingAllocations::How::kOnce;
constinit bool failed = false;

}  // namespace

FailingAllocations::FailingAllocations(std::uint64_t countdown, How how) {
    EXO_CHECK(failing_thread.load(std::memory_order_relaxed) == nullptr,
              "two tests let allocations fail");
    left = countdown;
    mode = how;
    failed = false;
    failing_thread.store(&this_thread(), std::memory_order_relaxed);
}

FailingAllocations::~FailingAllocations() {
    failing_thread.store(nullptr, std::memory_order_relaxed);
}

bool FailingAllocations::has_failed() const {
    return failed;
}

bool allocation_is_to_fail() {
    const Thread* const failing = failing_thread.load(std::memory_order_relaxed);
    if (failing == nullptr || failing != &this_thread()) return false;
    if (failed && mode == FailingAllocations::How::kOnce) return false;
    if (left > 1) {
        --left;
        return false;
    }
    failed = true;
    return true;
}

}  // namespace exo
