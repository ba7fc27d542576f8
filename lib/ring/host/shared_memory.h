// Anonymous memory that processes share: memfd_create(2), mapped MAP_SHARED, inherited by fork(2)
// or passed as a descriptor.
#pragma once

#include <cstddef>
#include <utility>

#include "lib/base/result.h"

namespace exo::ring {

class SharedMemory {
  public:
    /// `size` bytes of zeroes, at least one page. Errors of memfd_create(2), ftruncate(2), mmap(2).
    static Result<SharedMemory> create(std::size_t size);

    SharedMemory(SharedMemory&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)),
          size_(other.size_),
          descriptor_(std::exchange(other.descriptor_, -1)) {}
    SharedMemory& operator=(SharedMemory&&) = delete;
    ~SharedMemory();

    [[nodiscard]] void* data() const { return base_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }

  private:
    SharedMemory(void* base, std::size_t size, int descriptor)
        : base_(base), size_(size), descriptor_(descriptor) {}

    void* base_;
    std::size_t size_;
    int descriptor_;
};

}  // namespace exo::ring
