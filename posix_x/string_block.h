// The arguments or the environment of a new program, while the old one's memory goes.
#pragma once

#include <string_view>

#include "kernel/arch/address.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/box.h"
#include "lib/base/vector.h"

namespace exo::posix {

/// Longest single string with its NUL (execve(2)).
inline constexpr std::uint64_t kMaxString = 32 * kPageSize;

/// Strings of a new program's stack, one after the other with their NULs, and where each begins:
/// in chunks, since a contiguous megabyte may not be had.
class StringBlock {
  public:
    /// TOOBIG: beyond `limit` bytes in all; NOMEM.
    Result<void> append(std::string_view text, std::uint64_t limit);
    Result<void> append_user(UserAddr at, std::uint64_t limit);

    /// The strings of `other` from number `first` on.
    Result<void> append_from(const StringBlock& other, std::size_t first, std::uint64_t limit);

    [[nodiscard]] std::size_t count() const { return offsets_.size(); }
    [[nodiscard]] std::uint64_t offset(std::size_t index) const { return offsets_[index]; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    /// The whole block to a program's memory. FAULT.
    Result<void> write(UserAddr to) const;

  private:
    static constexpr std::size_t kChunk = 4096;
    struct Chunk {
        char text[kChunk];
    };
    Result<void> append_bytes(const char* from, std::size_t bytes, std::uint64_t limit);

    Vector<Box<Chunk>> chunks_;
    Vector<std::uint32_t> offsets_;
    std::uint64_t bytes_ = 0;
};

}  // namespace exo::posix
