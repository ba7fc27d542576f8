// Paths from a program: copied once, bounded, kept on the heap since kernel stacks are short.
#pragma once

#include <string_view>

#include "kernel/fs/path_walk.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/box.h"

namespace exo::posix {

/// A path in kernel memory, shorter than kPathMax, without its NUL.
class Path {
  public:
    [[nodiscard]] std::string_view text() const { return {buffer_->text, length_}; }
    [[nodiscard]] bool empty() const { return length_ == 0; }

  private:
    friend struct UserPath;
    struct Buffer {
        char text[kPathMax];
    };
    Path(Box<Buffer> buffer, std::size_t length) : buffer_(std::move(buffer)), length_(length) {}
    Box<Buffer> buffer_;
    std::size_t length_;
};

/// A path in a program's memory.
struct UserPath {
    UserAddr at;
    [[nodiscard]] bool is_null() const { return at.is_null(); }

    /// FAULT; NAMETOOLONG; NOMEM. An empty path is read as such. May sleep.
    [[nodiscard]] Result<Path> read() const {
        auto buffer = TRY(Box<Path::Buffer>::create_for_overwrite());
        const std::ptrdiff_t length = arch::copy_string_from_user(buffer->text, at.value, kPathMax);
        if (length < 0) return Errno::FAULT;
        if (static_cast<std::size_t>(length) == kPathMax) return Errno::NAMETOOLONG;
        return Path(std::move(buffer), static_cast<std::size_t>(length));
    }
};

}  // namespace exo::posix
