#include "kernel/mm/io_cursor.h"

#include <algorithm>
#include <cstring>

#include "kernel/arch/user_copy.h"

namespace exo {

// Calls `copy(kernel address, user address, bytes) -> bytes left` for each piece; kernel memory is
// moved by `move(address, bytes)`.
template <typename Copy, typename Move>
Result<std::size_t> IoCursor::transfer(std::size_t bytes, Copy copy, Move move) {
    bytes = std::min(bytes, remaining_);
    std::size_t moved = 0;
    if (ranges_.data() == nullptr) {
        move(kernel_.data() + at_byte_, bytes);
        step(bytes);
        return bytes;
    }
    while (moved < bytes) {
        const UserSpan& range = ranges_[at_range_];
        const std::size_t piece = std::min<std::size_t>(bytes - moved, range.bytes - at_byte_);
        const std::size_t left = piece == 0 ? 0 : copy(moved, range.at.value + at_byte_, piece);
        moved += piece - left;
        step(piece - left);
        if (left != 0) {
            if (moved == 0) return Errno::FAULT;
            break;
        }
    }
    return moved;
}

void IoCursor::step(std::size_t bytes) {
    at_byte_ += bytes;
    remaining_ -= bytes;
    done_ += bytes;
    while (at_range_ < ranges_.size() && at_byte_ == ranges_[at_range_].bytes) {
        ++at_range_;
        at_byte_ = 0;
    }
}

Result<std::size_t> IoCursor::put(const void* from, std::size_t bytes) {
    const auto* source = static_cast<const std::byte*>(from);
    return transfer(
        bytes,
        [&](std::size_t at, std::uint64_t user, std::size_t n) {
            return arch::copy_to_user(user, source + at, n);
        },
        [&](std::byte* memory, std::size_t n) {
            if (n != 0) std::memcpy(memory, source, n);
        });
}

Result<std::size_t> IoCursor::take(void* to, std::size_t bytes) {
    auto* target = static_cast<std::byte*>(to);
    return transfer(
        bytes,
        [&](std::size_t at, std::uint64_t user, std::size_t n) {
            return arch::copy_from_user(target + at, user, n);
        },
        [&](std::byte* memory, std::size_t n) {
            if (n != 0) std::memcpy(target, memory, n);
        });
}

Result<std::size_t> IoCursor::put_zeroes(std::size_t bytes) {
    return transfer(
        bytes,
        [](std::size_t, std::uint64_t user, std::size_t n) { return arch::clear_user(user, n); },
        [](std::byte* memory, std::size_t n) {
            if (n != 0) std::memset(memory, 0, n);
        });
}

void IoCursor::advance(std::size_t bytes) {
    EXO_CHECK(bytes <= remaining_, "a cursor steps beyond its end");
    while (bytes != 0) {
        const std::size_t piece =
            ranges_.data() == nullptr
                ? bytes
                : std::min<std::size_t>(bytes, ranges_[at_range_].bytes - at_byte_);
        step(piece);
        bytes -= piece;
    }
}

void IoCursor::rewind(std::size_t bytes) {
    EXO_CHECK(bytes <= done_, "a cursor is taken back beyond its beginning");
    done_ -= bytes;
    remaining_ += bytes;
    while (bytes > at_byte_) {
        bytes -= at_byte_;
        at_byte_ = ranges_[--at_range_].bytes;
    }
    at_byte_ -= bytes;
}

void IoCursor::limit(std::size_t bytes) {
    remaining_ = std::min(remaining_, bytes);
}

}  // namespace exo
