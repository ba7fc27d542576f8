// A program's buffers, checked: one range, or iovecs.
#pragma once

#include <algorithm>

#include "abi/linux/file.h"
#include "kernel/arch/user_copy.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/vector.h"

namespace exo::posix {

/// What is beyond MAX_RW_COUNT is not transferred. FAULT: it leaves what a program can address.
inline Result<UserSpan> span_of(UserAddr at, std::uint64_t bytes) {
    if (at.value > arch::kUserEnd || bytes > arch::kUserEnd - at.value) return Errno::FAULT;
    return UserSpan{at, std::min(bytes, abi::kMaxTransfer)};
}

/// A program's iovecs, copied once and checked.
class Ranges {
  public:
    /// INVAL: too many, or one too long; FAULT; NOMEM.
    Result<void> read(UserAddr vectors, std::uint32_t count) {  // Linux takes 32 bits of it too
        if (count > abi::kMaxIovecs) return Errno::INVAL;
        TRY(ranges_.resize(count));
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto each = TRY(UserIn<abi::Iovec>{vectors}.read(i));
            if (each.bytes > INT64_MAX) return Errno::INVAL;
            ranges_[i] = TRY(span_of(UserAddr{each.base}, each.bytes));
            ranges_[i].bytes = std::min(ranges_[i].bytes, abi::kMaxTransfer - total);
            total += ranges_[i].bytes;
        }
        return {};
    }
    [[nodiscard]] std::span<const UserSpan> all() const { return ranges_; }

  private:
    Vector<UserSpan> ranges_;
};

}  // namespace exo::posix
