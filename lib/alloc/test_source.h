// Sources for tests: a plain mmap(2) range that ends early, and counts what is asked of it.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>

#include "lib/alloc/source.h"

namespace exo::alloc {

/// `bytes` of addresses; commits at most `budget` bytes in all, then says that there is no memory.
class TestSource {
  public:
    static constexpr std::uint64_t kSecret = 0x5eed'0f7e'57ab'1e00;

    explicit TestSource(std::size_t bytes, std::size_t budget = ~std::size_t{0}) : budget_(budget) {
        void* at =
            mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) std::abort();
        source_.base = static_cast<std::byte*>(at);
        source_.bytes = bytes;
        source_.secret = kSecret;
        source_.context = this;
        source_.commit = commit;
        source_.decommit = decommit;
        source_.zeroed = true;
    }
    ~TestSource() { munmap(source_.base, source_.bytes); }
    TestSource(const TestSource&) = delete;
    TestSource& operator=(const TestSource&) = delete;

    /// As a kernel's direct map is: always there, never given back, full of old contents.
    void make_like_kernel_memory() {
        commit(this, source_.base, source_.bytes);
        for (std::size_t i = 0; i < source_.bytes; ++i) source_.base[i] = std::byte{0xa5};
        source_.commit = nullptr;
        source_.decommit = nullptr;
        source_.zeroed = false;
    }

    [[nodiscard]] const Source& source() const { return source_; }
    [[nodiscard]] std::size_t decommitted() const { return decommitted_; }
    void set_budget(std::size_t budget) { budget_ = budget; }

  private:
    static bool commit(void* context, std::byte* at, std::size_t bytes) {
        auto& self = *static_cast<TestSource*>(context);
        // The arena and the buddy allocator call it, each under a lock of its own.
        std::size_t left = self.budget_.load();
        do {
            if (bytes > left) return false;
        } while (!self.budget_.compare_exchange_weak(left, left - bytes));
        return mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;
    }
    static void decommit(void* context, std::byte* at, std::size_t bytes) {
        static_cast<TestSource*>(context)->decommitted_ += bytes;
        if (madvise(at, bytes, MADV_DONTNEED) != 0) std::abort();
    }

    Source source_;
    std::atomic<std::size_t> budget_;
    std::atomic<std::size_t> decommitted_{0};
};

}  // namespace exo::alloc
