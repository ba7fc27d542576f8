// CRC-32 as gzip has it (RFC 1952 8), four bits at a time: a table of 64 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace exo::compress {

namespace detail {

constexpr std::array<std::uint32_t, 16> crc32_table() {
    std::array<std::uint32_t, 16> table = {};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 4; ++bit) crc = (crc & 1) != 0 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
        table[i] = crc;
    }
    return table;
}

}  // namespace detail

class Crc32 {
  public:
    void add(std::span<const std::byte> bytes) {
        std::uint32_t crc = crc_;
        for (const std::byte byte : bytes) {
            crc ^= static_cast<std::uint32_t>(byte);
            crc = kTable[crc & 0xf] ^ crc >> 4;
            crc = kTable[crc & 0xf] ^ crc >> 4;
        }
        crc_ = crc;
    }
    [[nodiscard]] std::uint32_t value() const { return ~crc_; }

  private:
    static constexpr std::array<std::uint32_t, 16> kTable = detail::crc32_table();
    std::uint32_t crc_ = ~std::uint32_t{0};
};

}  // namespace exo::compress
