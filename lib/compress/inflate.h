// DEFLATE (RFC 1951).
#pragma once

#include <array>

#include "lib/compress/window.h"

namespace exo::compress {

/// Distances in DEFLATE reach so far.
inline constexpr std::size_t kInflateWindow = 32 * 1024;

/// A canonical Huffman code (RFC 1951 3.2.2): decoded bit by bit from the counts of each length,
/// short ones by a table.
class HuffmanCode {
  public:
    static constexpr unsigned kMaxBits = 15;
    static constexpr unsigned kMaxSymbols = 288;
    static constexpr unsigned kFastBits = 9;

    /// INVAL: more codes than there can be, or fewer (but one code alone may leave the rest
    /// unused).
    Result<void> build(std::span<const std::uint8_t> lengths);

    struct Fast {
        std::uint16_t symbol = 0;
        std::uint8_t length = 0;  ///< 0: the code is longer than kFastBits
    };
    /// By the next kFastBits bits, first bit lowest.
    [[nodiscard]] Fast fast(std::uint32_t bits) const {
        return fast_[bits & ((1u << kFastBits) - 1)];
    }

    std::array<std::uint16_t, kMaxBits + 1> count = {};
    std::array<std::uint16_t, kMaxSymbols> symbols = {};

  private:
    std::array<Fast, 1u << kFastBits> fast_ = {};
};

class Inflater {
  public:
    Inflater(std::span<const std::byte> input, Window& window) : input_(input), window_(window) {}

    /// Decodes to the end of the last block; how much of the input that took. The window was
    /// started with kInflateWindow. INVAL: corrupt or truncated.
    Result<std::size_t> run();

  private:
    Result<std::uint32_t> bits(unsigned count);
    void refill();
    Result<unsigned> symbol(const HuffmanCode& code);
    Result<void> stored_block();
    Result<void> fixed_codes();
    Result<void> dynamic_codes();
    Result<void> compressed_block();

    std::span<const std::byte> input_;
    std::size_t at_ = 0;
    std::uint64_t buffer_ = 0;
    unsigned buffered_ = 0;
    Window& window_;
    HuffmanCode literals_;
    HuffmanCode distances_;
};

}  // namespace exo::compress
