// The output of a decoder and what it may refer back to: the last bytes, in a circle, given to a
// sink each time the circle is full.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "lib/base/result.h"
#include "lib/base/vector.h"

namespace exo::compress {

/// Receives what a decoder puts out, in order.
class ByteSink {
  public:
    /// An error ends the decoding and is its result.
    virtual Result<void> write(std::span<const std::byte> bytes) = 0;

  protected:
    ~ByteSink() = default;
};

class Window {
  public:
    explicit Window(ByteSink& sink) : sink_(sink) {}

    /// Begins anew, to reach back `capacity` (not 0) bytes. NOMEM.
    Result<void> start(std::size_t capacity) {
        // A larger one than needed may stay: what is reached back is bounded by `reach_`.
        if (circle_.size() < capacity) {
            circle_ = Vector<std::byte>();
            TRY(circle_.resize(capacity));
        }
        reach_ = capacity;
        at_ = flushed_ = 0;
        total_ = 0;
        return {};
    }

    [[nodiscard]] std::uint64_t total() const { return total_; }

    Result<void> put(std::byte byte) {
        circle_.data()[at_++] = byte;
        ++total_;
        if (at_ == circle_.size()) return wrap();
        return {};
    }

    Result<void> put(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const std::size_t piece = std::min(bytes.size(), circle_.size() - at_);
            std::memcpy(circle_.data() + at_, bytes.data(), piece);
            bytes = bytes.subspan(piece);
            TRY(advance(piece));
        }
        return {};
    }

    Result<void> fill(std::byte byte, std::size_t count) {
        while (count != 0) {
            const std::size_t piece = std::min(count, circle_.size() - at_);
            std::memset(circle_.data() + at_, static_cast<int>(byte), piece);
            count -= piece;
            TRY(advance(piece));
        }
        return {};
    }

    /// Repeats `count` bytes from `distance` back. INVAL: not that many are there.
    Result<void> copy(std::size_t distance, std::size_t count) {
        if (distance == 0 || distance > std::min<std::uint64_t>(reach_, total_)) {
            return Errno::INVAL;
        }
        while (count != 0) {
            const std::size_t from =
                distance <= at_ ? at_ - distance : at_ + circle_.size() - distance;
            // Of what is there already, up to the end of the circle on either side. A distance of
            // the whole circle copies bytes onto themselves.
            const std::size_t piece =
                std::min({count, distance, circle_.size() - from, circle_.size() - at_});
            std::memmove(circle_.data() + at_, circle_.data() + from, piece);
            count -= piece;
            TRY(advance(piece));
        }
        return {};
    }

    /// Gives the sink what it has not got yet.
    Result<void> flush() {
        const std::size_t from = flushed_;
        flushed_ = at_;
        if (from == at_) return {};
        return sink_.write({circle_.data() + from, at_ - from});
    }

  private:
    Result<void> advance(std::size_t bytes) {
        at_ += bytes;
        total_ += bytes;
        if (at_ == circle_.size()) return wrap();
        return {};
    }

    Result<void> wrap() {
        TRY(flush());
        at_ = flushed_ = 0;
        return {};
    }

    ByteSink& sink_;
    Vector<std::byte> circle_;
    std::size_t reach_ = 0;
    std::size_t at_ = 0;
    std::size_t flushed_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace exo::compress
