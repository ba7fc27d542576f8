// Stacks for contexts in Linux programs, each with an inaccessible page below it, so that an
// overflow is a SIGSEGV and not another context's data.
#pragma once

#include <cstddef>
#include <utility>

#include "lib/base/result.h"

namespace exo {

class GuardedStack {
  public:
    /// At least `size` usable bytes (rounded up to pages), zeroed, committed on first touch.
    /// INVAL for a size of 0 or one that overflows, NOMEM as mmap(2).
    static Result<GuardedStack> create(std::size_t size);

    GuardedStack(GuardedStack&& other) noexcept
        : mapping_(std::exchange(other.mapping_, nullptr)), size_(other.size_) {}
    GuardedStack& operator=(GuardedStack&& other) noexcept {
        std::swap(mapping_, other.mapping_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~GuardedStack();

    /// One past the highest byte: what make_context() takes.
    [[nodiscard]] void* top() const { return mapping_ + size_; }
    /// The lowest usable byte; the guard page ends here.
    [[nodiscard]] void* bottom() const;
    /// Usable bytes.
    [[nodiscard]] std::size_t size() const;

  private:
    GuardedStack(std::byte* mapping, std::size_t size) : mapping_(mapping), size_(size) {}

    std::byte* mapping_;  // guard page first
    std::size_t size_;    // guard page included
};

}  // namespace exo
