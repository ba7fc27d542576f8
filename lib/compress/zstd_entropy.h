// Zstandard's two entropy codes: FSE (RFC 8878 4.1) and Huffman (4.2).
#pragma once

#include <array>

#include "lib/compress/bit_reader.h"

namespace exo::compress {

/// A table by which an FSE state gives a symbol and leads to the next state.
class FseTable {
  public:
    static constexpr unsigned kMaxLog = 9;
    static constexpr unsigned kMaxSymbols = 53;

    /// From the distribution at the beginning of `input`; how many bytes that took. INVAL.
    Result<std::size_t> read(std::span<const std::byte> input, unsigned max_log,
                             unsigned max_symbols);
    /// From a distribution: -1 is "less than 1". INVAL: it does not fill the table.
    Result<void> build(std::span<const std::int8_t> counts, unsigned log);
    Result<void> build(std::span<const std::int16_t> counts, unsigned log);
    /// Always `symbol`.
    void build_constant(std::uint8_t symbol);

    struct Entry {
        std::uint16_t base = 0;
        std::uint8_t bits = 0;
        std::uint8_t symbol = 0;
    };
    [[nodiscard]] const Entry& at(std::uint32_t state) const {
        return entries_[state & ((1u << kMaxLog) - 1)];
    }
    [[nodiscard]] unsigned log() const { return log_; }
    [[nodiscard]] bool valid() const { return valid_; }

  private:
    std::array<Entry, 1u << kMaxLog> entries_ = {};
    unsigned log_ = 0;
    bool valid_ = false;
};

/// One of several states that share a bit stream.
class FseState {
  public:
    void start(const FseTable& table, BackwardBits& bits) {
        table_ = &table;
        state_ = bits.read(table.log());
    }
    [[nodiscard]] std::uint8_t symbol() const { return table_->at(state_).symbol; }
    void next(BackwardBits& bits) {
        const FseTable::Entry& entry = table_->at(state_);
        state_ = entry.base + bits.read(entry.bits);
    }

  private:
    const FseTable* table_ = nullptr;
    std::uint32_t state_ = 0;
};

class HuffmanTable {
  public:
    static constexpr unsigned kMaxBits = 11;

    /// From the description at the beginning of `input`; how many bytes that took. INVAL.
    Result<std::size_t> read(std::span<const std::byte> input);
    /// Decodes a stream to exactly `to`. INVAL.
    Result<void> decode(std::span<const std::byte> stream, std::span<std::byte> to) const;
    [[nodiscard]] bool valid() const { return bits_ != 0; }

  private:
    static constexpr unsigned kMaxWeights = 255;
    struct Weights {
        std::array<std::uint8_t, kMaxWeights + 1> values = {};
        unsigned count = 0;
    };
    struct Entry {
        std::uint8_t symbol = 0;
        std::uint8_t bits = 0;
    };

    static Result<Weights> read_weights(std::span<const std::byte> coded);
    Result<void> build(Weights& weights);

    std::array<Entry, 1u << kMaxBits> entries_ = {};
    unsigned bits_ = 0;
};

}  // namespace exo::compress
