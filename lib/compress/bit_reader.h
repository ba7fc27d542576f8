// Bits of a byte string as Zstandard reads them: forwards (RFC 8878 4.1.1) and backwards from a
// marker bit in the last byte (4.1).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "lib/base/result.h"

namespace exo::compress {

namespace detail {

/// `count` (at most 56) bits from bit `position` on, which is in `data`; 0 beyond its end.
inline std::uint64_t bits_at(std::span<const std::byte> data, std::size_t position,
                             unsigned count) {
    const std::size_t at = position / 8;
    std::uint64_t word = 0;
    if (at < data.size()) {
        std::memcpy(&word, data.data() + at, std::min<std::size_t>(sizeof(word), data.size() - at));
    }
    return word >> position % 8 & ((std::uint64_t{1} << count) - 1);
}

}  // namespace detail

class ForwardBits {
  public:
    explicit ForwardBits(std::span<const std::byte> data) : data_(data) {}

    /// At most 32. INVAL: beyond the end.
    Result<std::uint32_t> read(unsigned count) {
        if (count > data_.size() * 8 - position_) return Errno::INVAL;
        const std::uint64_t value = detail::bits_at(data_, position_, count);
        position_ += count;
        return static_cast<std::uint32_t>(value);
    }
    /// The same, with zeroes beyond the end and without going on.
    [[nodiscard]] std::uint32_t peek(unsigned count) const {
        return static_cast<std::uint32_t>(detail::bits_at(data_, position_, count));
    }
    /// Whole bytes read, the last one perhaps in part.
    [[nodiscard]] std::size_t bytes() const { return (position_ + 7) / 8; }

  private:
    std::span<const std::byte> data_;
    std::size_t position_ = 0;
};

class BackwardBits {
  public:
    /// INVAL: empty, or without a marker.
    static Result<BackwardBits> create(std::span<const std::byte> data) {
        if (data.empty() || data.back() == std::byte{0}) return Errno::INVAL;
        const auto marker =
            static_cast<std::int64_t>(std::bit_width(static_cast<std::uint8_t>(data.back()))) - 1;
        return BackwardBits(data, static_cast<std::int64_t>(data.size() - 1) * 8 + marker);
    }

    /// At most 32; what is before the beginning reads as zero and makes left() negative.
    std::uint32_t read(unsigned count) {
        const std::uint32_t value = peek(count);
        skip(count);
        return value;
    }
    [[nodiscard]] std::uint32_t peek(unsigned count) const {
        const std::int64_t from = left_ - static_cast<std::int64_t>(count);
        if (from >= 0) {
            return static_cast<std::uint32_t>(
                detail::bits_at(data_, static_cast<std::size_t>(from), count));
        }
        if (left_ <= 0) return 0;
        const auto there = static_cast<unsigned>(left_);
        return static_cast<std::uint32_t>(detail::bits_at(data_, 0, there) << (count - there));
    }
    void skip(unsigned count) { left_ -= static_cast<std::int64_t>(count); }
    [[nodiscard]] std::int64_t left() const { return left_; }

  private:
    BackwardBits(std::span<const std::byte> data, std::int64_t left) : data_(data), left_(left) {}

    std::span<const std::byte> data_;
    std::int64_t left_;
};

}  // namespace exo::compress
