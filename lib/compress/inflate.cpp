#include "lib/compress/inflate.h"

#include <algorithm>

namespace exo::compress {

namespace {

struct Extra {
    std::uint16_t base;
    std::uint8_t bits;
};

// RFC 1951 3.2.5.
constexpr std::array<Extra, 29> kLengths = {
    {{3, 0},  {4, 0},  {5, 0},  {6, 0},   {7, 0},   {8, 0},   {9, 0},   {10, 0},  {11, 1}, {13, 1},
     {15, 1}, {17, 1}, {19, 2}, {23, 2},  {27, 2},  {31, 2},  {35, 3},  {43, 3},  {51, 3}, {59, 3},
     {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}}};
constexpr std::array<Extra, 30> kDistances = {
    {{1, 0},     {2, 0},     {3, 0},     {4, 0},      {5, 1},      {7, 1},
     {9, 2},     {13, 2},    {17, 3},    {25, 3},     {33, 4},     {49, 4},
     {65, 5},    {97, 5},    {129, 6},   {193, 6},    {257, 7},    {385, 7},
     {513, 8},   {769, 8},   {1025, 9},  {1537, 9},   {2049, 10},  {3073, 10},
     {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}}};

constexpr unsigned kEndOfBlock = 256;

std::uint32_t reversed(std::uint32_t code, unsigned length) {
    std::uint32_t out = 0;
    for (unsigned i = 0; i < length; ++i) out |= (code >> i & 1) << (length - 1 - i);
    return out;
}

}  // namespace

Result<void> HuffmanCode::build(std::span<const std::uint8_t> lengths) {
    count.fill(0);
    fast_.fill({});
    for (const std::uint8_t length : lengths) ++count[length];
    count[0] = 0;
    int left = 1;
    unsigned used = 0;
    std::array<std::uint16_t, kMaxBits + 2> offsets = {};
    std::array<std::uint32_t, kMaxBits + 2> next = {};
    for (unsigned length = 1; length <= kMaxBits; ++length) {
        left = left * 2 - count[length];
        if (left < 0) return Errno::INVAL;
        used += count[length];
        offsets[length + 1] = static_cast<std::uint16_t>(used);
        next[length + 1] = (next[length] + count[length]) << 1;
    }
    if (left > 0 && used > 1) return Errno::INVAL;
    for (unsigned i = 0; i < lengths.size(); ++i) {
        const unsigned length = lengths[i];
        if (length == 0) continue;
        symbols[offsets[length]++] = static_cast<std::uint16_t>(i);
        const std::uint32_t code = next[length]++;
        if (length > kFastBits) continue;
        for (std::uint32_t at = reversed(code, length); at < fast_.size(); at += 1u << length) {
            fast_[at] = {static_cast<std::uint16_t>(i), static_cast<std::uint8_t>(length)};
        }
    }
    return {};
}

void Inflater::refill() {
    while (buffered_ <= 56 && at_ < input_.size()) {
        buffer_ |= static_cast<std::uint64_t>(input_[at_++]) << buffered_;
        buffered_ += 8;
    }
}

Result<std::uint32_t> Inflater::bits(unsigned count) {
    if (buffered_ < count) refill();
    if (buffered_ < count) return Errno::INVAL;
    const auto value = static_cast<std::uint32_t>(buffer_ & ((std::uint64_t{1} << count) - 1));
    buffer_ >>= count;
    buffered_ -= count;
    return value;
}

Result<unsigned> Inflater::symbol(const HuffmanCode& code) {
    if (buffered_ < HuffmanCode::kMaxBits) refill();
    const HuffmanCode::Fast fast = code.fast(static_cast<std::uint32_t>(buffer_));
    if (fast.length != 0 && fast.length <= buffered_) {
        buffer_ >>= fast.length;
        buffered_ -= fast.length;
        return fast.symbol;
    }
    // Codes of one length are consecutive numbers, those of the next begin at twice the end.
    int value = 0;
    int first = 0;
    int index = 0;
    const unsigned available = std::min(buffered_, HuffmanCode::kMaxBits);
    for (unsigned length = 1; length <= available; ++length) {
        value |= static_cast<int>(buffer_ >> (length - 1) & 1);
        const int count = code.count[length];
        if (value - first < count) {
            buffer_ >>= length;
            buffered_ -= length;
            return code.symbols[static_cast<unsigned>(index + value - first)];
        }
        index += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    return Errno::INVAL;
}

Result<void> Inflater::stored_block() {
    TRY(bits(buffered_ % 8));
    const std::uint32_t length = TRY(bits(16));
    const std::uint32_t complement = TRY(bits(16));
    if (length != (complement ^ 0xffff)) return Errno::INVAL;
    at_ -= buffered_ / 8;  // whole bytes that were read ahead
    buffer_ = 0;
    buffered_ = 0;
    if (length > input_.size() - at_) return Errno::INVAL;
    TRY(window_.put(input_.subspan(at_, length)));
    at_ += length;
    return {};
}

Result<void> Inflater::fixed_codes() {
    std::array<std::uint8_t, 288> lengths;
    std::fill_n(lengths.begin(), 144, std::uint8_t{8});
    std::fill_n(lengths.begin() + 144, 112, std::uint8_t{9});
    std::fill_n(lengths.begin() + 256, 24, std::uint8_t{7});
    std::fill_n(lengths.begin() + 280, 8, std::uint8_t{8});
    TRY(literals_.build(lengths));
    std::array<std::uint8_t, 32> distances;  // of which two never occur
    distances.fill(5);
    return distances_.build(distances);
}

Result<void> Inflater::dynamic_codes() {
    constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};
    const std::uint32_t literals = 257 + TRY(bits(5));
    const std::uint32_t distances = 1 + TRY(bits(5));
    const std::uint32_t codes = 4 + TRY(bits(4));
    if (literals > 286 || distances > 30) return Errno::INVAL;
    std::array<std::uint8_t, 19> code_lengths = {};
    for (std::uint32_t i = 0; i < codes; ++i) {
        code_lengths[kOrder[i]] = static_cast<std::uint8_t>(TRY(bits(3)));
    }
    TRY(literals_.build(code_lengths));
    std::array<std::uint8_t, 286 + 30> lengths = {};
    const std::uint32_t total = literals + distances;
    for (std::uint32_t at = 0; at < total;) {
        const unsigned code = TRY(symbol(literals_));
        if (code < 16) {
            lengths[at++] = static_cast<std::uint8_t>(code);
            continue;
        }
        if (code == 16 && at == 0) return Errno::INVAL;
        const std::uint8_t repeated = code == 16 ? lengths[at - 1] : std::uint8_t{0};
        std::uint32_t times = 0;
        if (code == 16) times = 3 + TRY(bits(2));
        if (code == 17) times = 3 + TRY(bits(3));
        if (code == 18) times = 11 + TRY(bits(7));
        if (times > total - at) return Errno::INVAL;
        std::fill_n(lengths.begin() + at, times, repeated);
        at += times;
    }
    if (lengths[kEndOfBlock] == 0) return Errno::INVAL;
    TRY(literals_.build(std::span(lengths).first(literals)));
    return distances_.build(std::span(lengths).subspan(literals, distances));
}

Result<void> Inflater::compressed_block() {
    for (;;) {
        const unsigned code = TRY(symbol(literals_));
        if (code < kEndOfBlock) {
            TRY(window_.put(static_cast<std::byte>(code)));
            continue;
        }
        if (code == kEndOfBlock) return {};
        if (code - 257 >= kLengths.size()) return Errno::INVAL;
        const Extra& length = kLengths[code - 257];
        const std::size_t count = length.base + TRY(bits(length.bits));
        const unsigned distance_code = TRY(symbol(distances_));
        if (distance_code >= kDistances.size()) return Errno::INVAL;
        const Extra& distance = kDistances[distance_code];
        const std::size_t back = distance.base + TRY(bits(distance.bits));
        TRY(window_.copy(back, count));
    }
}

Result<std::size_t> Inflater::run() {
    for (bool last = false; !last;) {
        last = TRY(bits(1)) != 0;
        switch (TRY(bits(2))) {
            case 0:
                TRY(stored_block());
                break;
            case 1:
                TRY(fixed_codes());
                TRY(compressed_block());
                break;
            case 2:
                TRY(dynamic_codes());
                TRY(compressed_block());
                break;
            default:
                return Errno::INVAL;
        }
    }
    return at_ - buffered_ / 8;
}

}  // namespace exo::compress
