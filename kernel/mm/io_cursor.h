// Where bytes go to or come from in one transfer, so that an object has one read and one write: a
// program's iovecs, or kernel memory. Fallible, and it remembers how far it got.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "kernel/mm/user_memory.h"

namespace exo {

class IoCursor {
  public:
    /// Kernel memory.
    explicit IoCursor(std::span<std::byte> kernel) : kernel_(kernel), remaining_(kernel.size()) {}
    /// A program's memory: `ranges` stays until the cursor is done; their sum was checked.
    explicit IoCursor(std::span<const UserSpan> ranges) : ranges_(ranges) {
        for (const UserSpan& range : ranges) remaining_ += range.bytes;
    }
    explicit IoCursor(const UserSpan& range) : IoCursor(std::span(&range, 1)) {}

    [[nodiscard]] std::size_t remaining() const { return remaining_; }
    [[nodiscard]] std::size_t done() const { return done_; }

    /// Moves up to `bytes` and steps on by what was moved, which is the result: fewer than asked
    /// only at the end of the cursor or at a fault; FAULT: none at all because of a fault. May
    /// sleep and fault.
    Result<std::size_t> put(const void* from, std::size_t bytes);  ///< into the cursor's memory
    Result<std::size_t> take(void* to, std::size_t bytes);         ///< out of it
    Result<std::size_t> put_zeroes(std::size_t bytes);

    /// Steps on over `bytes` that were moved by a copy of this cursor.
    void advance(std::size_t bytes);
    /// The same over all that is left, for who throws it away; nothing is taken back then.
    std::size_t skip() {
        const std::size_t bytes = std::exchange(remaining_, 0);
        done_ += bytes;
        return bytes;
    }
    /// Takes back the last `bytes`, for who could not use them.
    void rewind(std::size_t bytes);
    /// At most `bytes` more.
    void limit(std::size_t bytes);

    /// Where in a regular file a write has to end, at the latest (RLIMIT_FSIZE).
    void set_file_end(std::uint64_t offset) { file_end_ = offset; }
    [[nodiscard]] std::uint64_t file_end() const { return file_end_; }

  private:
    template <typename Copy, typename Move>
    Result<std::size_t> transfer(std::size_t bytes, Copy copy, Move move);
    void step(std::size_t bytes);

    std::span<std::byte> kernel_;
    std::span<const UserSpan> ranges_;
    std::size_t at_range_ = 0;
    std::size_t at_byte_ = 0;  // in the kernel span, or in the current range
    std::size_t remaining_ = 0;
    std::size_t done_ = 0;
    std::uint64_t file_end_ = ~std::uint64_t{0};
};

}  // namespace exo
