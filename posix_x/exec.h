// execve(2): another program in the same process.
#pragma once

#include <string_view>

#include "kernel/fs/dentry.h"
#include "lib/base/box.h"
#include "lib/base/vector.h"
#include "posix_x/task.h"

namespace exo::posix {

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

/// What a program is started with.
struct ProgramStart {
    Ref<Dentry> file;
    std::string_view path;  ///< as it was asked for: AT_EXECFN, scripts
    StringBlock arguments, environment;
};

/// Limits of arguments and environment (execve(2)).
inline constexpr std::uint64_t kMaxString = 32 * kPageSize;
[[nodiscard]] std::uint64_t argument_limit(Process& process);

/// Replaces the running thread's program; its `frame` then begins the new one. Errors leave the old
/// one as it was; past the point of no return the process is killed. May sleep.
Result<void> execute(Task& task, ProgramStart& start, arch::TrapFrame& frame);

}  // namespace exo::posix
