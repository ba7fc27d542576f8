#include "lib/compress/zstd_block.h"

namespace exo::compress {

namespace {

struct Code {
    std::uint32_t base;
    std::uint8_t bits;
};

// RFC 8878 3.1.1.3.2.1.1: codes below the first of each table stand for themselves (plus 3).
constexpr unsigned kFirstLiteralCode = 16;
constexpr std::array<Code, 20> kLiteralCodes = {
    {{16, 1},    {18, 1},    {20, 1},    {22, 1},     {24, 2},     {28, 2},    {32, 3},
     {40, 3},    {48, 4},    {64, 6},    {128, 7},    {256, 8},    {512, 9},   {1024, 10},
     {2048, 11}, {4096, 12}, {8192, 13}, {16384, 14}, {32768, 15}, {65536, 16}}};
constexpr unsigned kFirstMatchCode = 32;
constexpr std::array<Code, 21> kMatchCodes = {
    {{35, 1},    {37, 1},    {39, 1},    {41, 1},    {43, 2},     {47, 2},     {51, 3},
     {59, 3},    {67, 4},    {83, 4},    {99, 5},    {131, 7},    {259, 8},    {515, 9},
     {1027, 10}, {2051, 11}, {4099, 12}, {8195, 13}, {16387, 14}, {32771, 15}, {65539, 16}}};

// RFC 8878 3.1.1.3.2.2.
constexpr std::array<std::int8_t, 36> kLiteralDefault = {4, 3, 2, 2, 2, 2, 2, 2, 2,  2,  2,  2,
                                                         2, 1, 1, 1, 2, 2, 2, 2, 2,  2,  2,  2,
                                                         2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
constexpr std::array<std::int8_t, 53> kMatchDefault = {
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
constexpr std::array<std::int8_t, 29> kOffsetDefault = {
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};

constexpr unsigned kMaxOffsetCode = 31;

template <std::size_t kCodes>
std::size_t length_of(unsigned code, unsigned first, unsigned shift,
                      const std::array<Code, kCodes>& codes, BackwardBits& bits) {
    if (code < first) return code + shift;
    const Code& found = codes[code - first];
    return found.base + bits.read(found.bits);
}

unsigned byte_at(std::span<const std::byte> data, std::size_t at) {
    return static_cast<unsigned>(data[at]);
}

}  // namespace

struct ZstdBlocks::Kind {
    std::span<const std::int8_t> by_default;
    unsigned default_log;
    unsigned max_log;
    unsigned symbols;
};

Result<void> ZstdBlocks::decode(std::span<const std::byte> block) {
    const std::size_t used = TRY(read_literals(block));
    literal_at_ = 0;
    return read_sequences(block.subspan(used));
}

Result<std::size_t> ZstdBlocks::read_literals(std::span<const std::byte> block) {
    if (block.empty()) return Errno::INVAL;
    return (byte_at(block, 0) & 3) < 2 ? read_plain_literals(block) : read_coded_literals(block);
}

// As they are, or one byte many times.
Result<std::size_t> ZstdBlocks::read_plain_literals(std::span<const std::byte> block) {
    const unsigned format = byte_at(block, 0) >> 2 & 3;
    const std::size_t header = format == 1 ? 2 : format == 3 ? 3 : 1;
    if (block.size() < header) return Errno::INVAL;
    std::size_t count = byte_at(block, 0) >> (header == 1 ? 3 : 4);
    if (header > 1) count |= static_cast<std::size_t>(byte_at(block, 1)) << 4;
    if (header > 2) count |= static_cast<std::size_t>(byte_at(block, 2)) << 12;
    if (count > kZstdMaxBlock) return Errno::INVAL;
    const bool repeated = (byte_at(block, 0) & 3) == 1;
    const std::size_t content = repeated ? 1 : count;
    if (content > block.size() - header) return Errno::INVAL;
    if (repeated) {
        std::memset(literals_.data(), static_cast<int>(block[header]), count);
    } else {
        std::memcpy(literals_.data(), block.data() + header, count);
    }
    literal_count_ = count;
    return header + content;
}

Result<std::size_t> ZstdBlocks::read_coded_literals(std::span<const std::byte> block) {
    ForwardBits bits(block);
    const std::uint32_t type = TRY(bits.read(2));
    const std::uint32_t format = TRY(bits.read(2));
    const unsigned width = format < 2 ? 10 : format == 2 ? 14 : 18;
    const std::size_t count = TRY(bits.read(width));
    std::size_t size = TRY(bits.read(width));
    const std::size_t header = bits.bytes();
    if (count > kZstdMaxBlock || size > block.size() - header) return Errno::INVAL;
    const std::size_t whole = header + size;
    std::span<const std::byte> coded = block.subspan(header, size);
    if (type == 2) coded = coded.subspan(TRY(huffman_.read(coded)));
    if (!huffman_.valid()) return Errno::INVAL;
    literal_count_ = count;
    TRY(decode_streams(coded, format != 0));
    return whole;
}

Result<void> ZstdBlocks::decode_streams(std::span<const std::byte> coded, bool four) {
    const std::span<std::byte> to(literals_.data(), literal_count_);
    if (!four) return huffman_.decode(coded, to);
    constexpr std::size_t kJumpTable = 6;
    if (coded.size() < kJumpTable) return Errno::INVAL;
    std::span<const std::byte> rest = coded.subspan(kJumpTable);
    const std::size_t quarter = (to.size() + 3) / 4;
    if (quarter * 3 > to.size()) return Errno::INVAL;
    for (unsigned i = 0; i < 3; ++i) {
        const std::size_t size = byte_at(coded, 2 * i) | byte_at(coded, 2 * i + 1) << 8;
        if (size > rest.size()) return Errno::INVAL;
        TRY(huffman_.decode(rest.first(size), to.subspan(i * quarter, quarter)));
        rest = rest.subspan(size);
    }
    return huffman_.decode(rest, to.subspan(3 * quarter));
}

// Modes: predefined, one symbol, described, as before.
Result<std::size_t> ZstdBlocks::read_table(FseTable& table, const Kind& kind, unsigned mode,
                                           std::span<const std::byte> input) {
    switch (mode) {
        case 0:
            TRY(table.build(kind.by_default, kind.default_log));
            return std::size_t{0};
        case 1:
            if (input.empty() || byte_at(input, 0) >= kind.symbols) return Errno::INVAL;
            table.build_constant(static_cast<std::uint8_t>(input[0]));
            return std::size_t{1};
        case 2:
            return table.read(input, kind.max_log, kind.symbols);
        default:
            if (!table.valid()) return Errno::INVAL;
            return std::size_t{0};
    }
}

Result<void> ZstdBlocks::read_sequences(std::span<const std::byte> input) {
    if (input.empty()) return Errno::INVAL;
    std::uint32_t count = byte_at(input, 0);
    std::size_t at = 1;
    if (count >= 128) {
        const std::size_t more = count == 255 ? 2 : 1;
        if (input.size() < 1 + more) return Errno::INVAL;
        count = count == 255 ? byte_at(input, 1) + (byte_at(input, 2) << 8) + 0x7f00
                             : ((count - 128) << 8) + byte_at(input, 1);
        at += more;
    }
    if (count == 0) {
        if (at != input.size()) return Errno::INVAL;
        return window_.put({literals_.data(), literal_count_});
    }
    if (at == input.size()) return Errno::INVAL;
    const unsigned modes = byte_at(input, at++);
    if ((modes & 3) != 0) return Errno::INVAL;
    constexpr Kind kLiteral{kLiteralDefault, 6, 9, 36};
    constexpr Kind kOffset{kOffsetDefault, 5, 8, kMaxOffsetCode + 1};
    constexpr Kind kMatch{kMatchDefault, 6, 9, 53};
    at += TRY(read_table(literal_lengths_, kLiteral, modes >> 6, input.subspan(at)));
    at += TRY(read_table(offsets_, kOffset, modes >> 4 & 3, input.subspan(at)));
    at += TRY(read_table(match_lengths_, kMatch, modes >> 2 & 3, input.subspan(at)));
    return run_sequences(input.subspan(at), count);
}

Result<void> ZstdBlocks::run_sequences(std::span<const std::byte> stream, std::uint32_t count) {
    BackwardBits bits = TRY(BackwardBits::create(stream));
    FseState literal_length;
    FseState offset;
    FseState match_length;
    literal_length.start(literal_lengths_, bits);
    offset.start(offsets_, bits);
    match_length.start(match_lengths_, bits);
    std::size_t room = kZstdMaxBlock;
    for (std::uint32_t i = 0; i < count; ++i) {
        const unsigned offset_code = offset.symbol();
        const std::uint32_t offset_value = (1u << offset_code) + bits.read(offset_code);
        const std::size_t matched =
            length_of(match_length.symbol(), kFirstMatchCode, 3, kMatchCodes, bits);
        const std::size_t literal =
            length_of(literal_length.symbol(), kFirstLiteralCode, 0, kLiteralCodes, bits);
        if (i + 1 < count) {
            literal_length.next(bits);
            match_length.next(bits);
            offset.next(bits);
        }
        if (bits.left() < 0 || literal > literal_count_ - literal_at_) return Errno::INVAL;
        if (literal + matched > room) return Errno::INVAL;
        room -= literal + matched;
        TRY(window_.put({literals_.data() + literal_at_, literal}));
        literal_at_ += literal;
        const std::size_t back = TRY(resolve_offset(offset_value, literal));
        TRY(window_.copy(back, matched));
    }
    if (bits.left() != 0 || literal_count_ - literal_at_ > room) return Errno::INVAL;
    return window_.put({literals_.data() + literal_at_, literal_count_ - literal_at_});
}

// RFC 8878 3.1.1.5: values up to 3 name one of the last three offsets, shifted by one where there
// are no literals.
Result<std::size_t> ZstdBlocks::resolve_offset(std::uint32_t value, std::size_t literal_length) {
    std::size_t offset;
    unsigned which = 3;
    if (value > 3) {
        offset = value - 3;
    } else {
        which = value - 1 + (literal_length == 0 ? 1 : 0);
        if (which == 0) return recent_[0];
        offset = which < 3 ? recent_[which] : recent_[0] - 1;
        if (offset == 0) return Errno::INVAL;
    }
    if (which > 1) recent_[2] = recent_[1];
    recent_[1] = recent_[0];
    recent_[0] = offset;
    return offset;
}

}  // namespace exo::compress
