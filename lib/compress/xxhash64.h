// XXH64, Zstandard's content checksum (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace exo::compress {

class XxHash64 {
  public:
    void add(std::span<const std::byte> bytes) {
        total_ += bytes.size();
        if (pending_ != 0) {
            const std::size_t piece = std::min(bytes.size(), block_.size() - pending_);
            std::memcpy(block_.data() + pending_, bytes.data(), piece);
            pending_ += piece;
            bytes = bytes.subspan(piece);
            if (pending_ < block_.size()) return;
            consume(block_.data());
            pending_ = 0;
        }
        while (bytes.size() >= block_.size()) {
            consume(bytes.data());
            bytes = bytes.subspan(block_.size());
        }
        if (!bytes.empty()) std::memcpy(block_.data(), bytes.data(), bytes.size());
        pending_ = bytes.size();
    }

    [[nodiscard]] std::uint64_t value() const {
        std::uint64_t hash = kPrime5;
        if (total_ >= block_.size()) {
            hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
                   std::rotl(lanes_[3], 18);
            for (const std::uint64_t lane : lanes_) {
                hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
            }
        }
        hash += total_;
        std::size_t at = 0;
        for (; at + 8 <= pending_; at += 8) {
            hash ^= round(0, load<std::uint64_t>(block_.data() + at));
            hash = std::rotl(hash, 27) * kPrime1 + kPrime4;
        }
        if (at + 4 <= pending_) {
            hash ^= load<std::uint32_t>(block_.data() + at) * kPrime1;
            hash = std::rotl(hash, 23) * kPrime2 + kPrime3;
            at += 4;
        }
        for (; at < pending_; ++at) {
            hash ^= static_cast<std::uint64_t>(block_[at]) * kPrime5;
            hash = std::rotl(hash, 11) * kPrime1;
        }
        hash = (hash ^ hash >> 33) * kPrime2;
        hash = (hash ^ hash >> 29) * kPrime3;
        return hash ^ hash >> 32;
    }

  private:
    static constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87;
    static constexpr std::uint64_t kPrime2 = 0xc2b2ae3d27d4eb4f;
    static constexpr std::uint64_t kPrime3 = 0x165667b19e3779f9;
    static constexpr std::uint64_t kPrime4 = 0x85ebca77c2b2ae63;
    static constexpr std::uint64_t kPrime5 = 0x27d4eb2f165667c5;

    template <typename T>
    static std::uint64_t load(const std::byte* from) {
        T value;
        std::memcpy(&value, from, sizeof(value));
        return value;
    }
    static std::uint64_t round(std::uint64_t lane, std::uint64_t word) {
        return std::rotl(lane + word * kPrime2, 31) * kPrime1;
    }
    void consume(const std::byte* block) {
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            lanes_[i] = round(lanes_[i], load<std::uint64_t>(block + 8 * i));
        }
    }

    std::array<std::uint64_t, 4> lanes_ = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
    std::array<std::byte, 32> block_ = {};
    std::size_t pending_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace exo::compress
