// Allocations that fail on request, for kernel tests (fault injection): compiled out of the image
// that is shipped.
#pragma once

#include <cstdint>

namespace exo {

#ifdef EXO_KERNEL_TEST

/// The running thread's allocations fail from the `countdown`-th on, once or always, until the
/// object goes. One at a time.
class FailingAllocations {
  public:
    enum class How : std::uint8_t { kOnce, kFromThenOn };
    explicit FailingAllocations(std::uint64_t countdown, How how = How::kOnce);
    ~FailingAllocations();
    FailingAllocations(const FailingAllocations&) = delete;
    FailingAllocations& operator=(const FailingAllocations&) = delete;

    /// Whether one has failed.
    [[nodiscard]] bool has_failed() const;
};

/// Asked before each allocation.
[[nodiscard]] bool allocation_is_to_fail();

#else

[[nodiscard]] constexpr bool allocation_is_to_fail() {
    return false;
}

#endif

}  // namespace exo
