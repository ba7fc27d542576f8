#include "lib/compress/zstd_entropy.h"

namespace exo::compress {

namespace {

unsigned highest_bit(std::uint32_t value) {  // of what is not 0
    return static_cast<unsigned>(std::bit_width(value)) - 1;
}

}  // namespace

// RFC 8878 4.1.1: each value takes as many bits as what is left to be given away needs, one fewer
// where that is unambiguous.
Result<std::size_t> FseTable::read(std::span<const std::byte> input, unsigned max_log,
                                   unsigned max_symbols) {
    valid_ = false;
    ForwardBits bits(input);
    const unsigned log = 5 + TRY(bits.read(4));
    if (log > max_log) return Errno::INVAL;
    std::array<std::int16_t, kMaxSymbols> counts = {};
    unsigned symbols = 0;
    std::int32_t left = 1 << log;
    while (left > 0) {
        if (symbols == max_symbols) return Errno::INVAL;
        const unsigned width = highest_bit(static_cast<std::uint32_t>(left + 1)) + 1;
        const std::uint32_t low_mask = (1u << (width - 1)) - 1;
        const std::uint32_t threshold = (1u << width) - 1 - static_cast<std::uint32_t>(left + 1);
        std::uint32_t value = bits.peek(width);
        if ((value & low_mask) < threshold) {
            value &= low_mask;
            TRY(bits.read(width - 1));
        } else {
            if (value > low_mask) value -= threshold;
            TRY(bits.read(width));
        }
        const auto count = static_cast<std::int32_t>(value) - 1;
        left -= count < 0 ? 1 : count;
        counts[symbols++] = static_cast<std::int16_t>(count);
        for (std::uint32_t zeroes = count == 0 ? 3 : 0; zeroes == 3;) {
            zeroes = TRY(bits.read(2));
            if (zeroes > max_symbols - symbols) return Errno::INVAL;
            symbols += zeroes;
        }
    }
    if (left != 0) return Errno::INVAL;
    TRY(build(std::span<const std::int16_t>(counts).first(symbols), log));
    return bits.bytes();
}

Result<void> FseTable::build(std::span<const std::int8_t> counts, unsigned log) {
    std::array<std::int16_t, kMaxSymbols> wide = {};
    std::copy(counts.begin(), counts.end(), wide.begin());
    return build(std::span<const std::int16_t>(wide).first(counts.size()), log);
}

Result<void> FseTable::build(std::span<const std::int16_t> counts, unsigned log) {
    const std::uint32_t size = 1u << log;
    std::array<std::uint16_t, kMaxSymbols> next = {};
    std::uint32_t high = size;
    for (unsigned s = 0; s < counts.size(); ++s) {
        if (counts[s] != -1) continue;
        if (high == 0) return Errno::INVAL;
        entries_[--high].symbol = static_cast<std::uint8_t>(s);
        next[s] = 1;
    }
    const std::uint32_t step = (size >> 1) + (size >> 3) + 3;
    std::uint32_t at = 0;
    std::uint32_t placed = size - high;
    for (unsigned s = 0; s < counts.size(); ++s) {
        if (counts[s] <= 0) continue;
        next[s] = static_cast<std::uint16_t>(counts[s]);
        placed += static_cast<std::uint32_t>(counts[s]);
        if (placed > size) return Errno::INVAL;
        for (int i = 0; i < counts[s]; ++i) {
            entries_[at].symbol = static_cast<std::uint8_t>(s);
            do {
                at = (at + step) & (size - 1);
            } while (at >= high && high != 0);
        }
    }
    if (placed != size || at != 0) return Errno::INVAL;
    for (std::uint32_t i = 0; i < size; ++i) {
        Entry& entry = entries_[i];
        const std::uint32_t number = next[entry.symbol]++;
        entry.bits = static_cast<std::uint8_t>(log - highest_bit(number));
        entry.base = static_cast<std::uint16_t>((number << entry.bits) - size);
    }
    log_ = log;
    valid_ = true;
    return {};
}

void FseTable::build_constant(std::uint8_t symbol) {
    entries_[0] = {.base = 0, .bits = 0, .symbol = symbol};
    log_ = 0;
    valid_ = true;
}

// Two states take turns until the stream is used up.
Result<HuffmanTable::Weights> HuffmanTable::read_weights(std::span<const std::byte> coded) {
    constexpr unsigned kMaxWeightLog = 6;
    constexpr unsigned kWeightSymbols = kMaxBits + 2;
    FseTable table;
    const std::size_t used = TRY(table.read(coded, kMaxWeightLog, kWeightSymbols));
    BackwardBits bits = TRY(BackwardBits::create(coded.subspan(used)));
    std::array<FseState, 2> states;
    for (FseState& state : states) state.start(table, bits);
    Weights weights;
    for (unsigned turn = 0;; turn ^= 1) {
        // Two more: this one's, and the other's if this was the last transition.
        if (weights.count + 2 > kMaxWeights) return Errno::INVAL;
        weights.values[weights.count++] = states[turn].symbol();
        states[turn].next(bits);
        if (bits.left() < 0) {
            weights.values[weights.count++] = states[turn ^ 1].symbol();
            return weights;
        }
    }
}

Result<std::size_t> HuffmanTable::read(std::span<const std::byte> input) {
    bits_ = 0;
    if (input.empty()) return Errno::INVAL;
    const auto header = static_cast<unsigned>(input[0]);
    Weights weights;
    std::size_t bytes = header;
    if (header < 128) {
        if (bytes > input.size() - 1) return Errno::INVAL;
        weights = TRY(read_weights(input.subspan(1, bytes)));
    } else {
        weights.count = header - 127;
        bytes = (weights.count + 1) / 2;
        if (bytes > input.size() - 1) return Errno::INVAL;
        for (unsigned i = 0; i < weights.count; ++i) {
            const auto pair = static_cast<std::uint8_t>(input[1 + i / 2]);
            weights.values[i] = i % 2 == 0 ? pair >> 4 : pair & 0xf;
        }
    }
    TRY(build(weights));
    return 1 + bytes;
}

// The last symbol's weight is what is missing to a power of two (RFC 8878 4.2.1).
Result<void> HuffmanTable::build(Weights& weights) {
    std::uint32_t sum = 0;
    for (unsigned i = 0; i < weights.count; ++i) {
        if (weights.values[i] > kMaxBits) return Errno::INVAL;
        if (weights.values[i] != 0) sum += 1u << (weights.values[i] - 1);
    }
    if (sum == 0) return Errno::INVAL;
    const unsigned bits = highest_bit(sum) + 1;
    if (bits > kMaxBits) return Errno::INVAL;
    const std::uint32_t missing = (1u << bits) - sum;
    if (!std::has_single_bit(missing)) return Errno::INVAL;
    weights.values[weights.count++] = static_cast<std::uint8_t>(highest_bit(missing) + 1);
    // By weight, lowest first; within one by symbol. A weight w takes 2^(w-1) entries.
    std::uint32_t at = 0;
    for (unsigned weight = 1; weight <= bits; ++weight) {
        for (unsigned symbol = 0; symbol < weights.count; ++symbol) {
            if (weights.values[symbol] != weight) continue;
            const std::uint32_t span = 1u << (weight - 1);
            const Entry entry{static_cast<std::uint8_t>(symbol),
                              static_cast<std::uint8_t>(bits + 1 - weight)};
            std::fill_n(entries_.begin() + at, span, entry);
            at += span;
        }
    }
    if (at != 1u << bits) return Errno::INVAL;
    bits_ = bits;
    return {};
}

Result<void> HuffmanTable::decode(std::span<const std::byte> stream,
                                  std::span<std::byte> to) const {
    BackwardBits bits = TRY(BackwardBits::create(stream));
    for (std::byte& byte : to) {
        const Entry& entry = entries_[bits.peek(bits_)];
        byte = static_cast<std::byte>(entry.symbol);
        bits.skip(entry.bits);
    }
    if (bits.left() != 0) return Errno::INVAL;
    return {};
}

}  // namespace exo::compress
