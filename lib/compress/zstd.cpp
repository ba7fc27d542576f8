// Frames (RFC 8878 3.1).
#include "lib/compress/zstd.h"

#include "lib/base/box.h"
#include "lib/compress/xxhash64.h"
#include "lib/compress/zstd_block.h"

namespace exo::compress {

namespace {

constexpr std::uint32_t kMagic = 0xfd2fb528;
constexpr std::uint32_t kSkippableMagic = 0x184d2a50;  // and the 15 above it

class HashingSink final : public ByteSink {
  public:
    explicit HashingSink(ByteSink& sink) : sink_(sink) {}
    Result<void> write(std::span<const std::byte> bytes) override {
        hash_.add(bytes);
        return sink_.write(bytes);
    }
    [[nodiscard]] std::uint32_t checksum() const {
        return static_cast<std::uint32_t>(hash_.value());
    }

  private:
    ByteSink& sink_;
    XxHash64 hash_;
};

std::uint64_t load(std::span<const std::byte> at, std::size_t bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, at.data(), bytes);
    return value;
}

struct FrameHeader {
    std::size_t length;
    std::uint64_t window;
    std::uint64_t content = 0;
    bool content_known;
    bool checksum;
};

/// What follows the magic number.
Result<FrameHeader> read_header(std::span<const std::byte> input) {
    if (input.empty()) return Errno::INVAL;
    const auto descriptor = static_cast<unsigned>(input[0]);
    const bool single = (descriptor & 0x20) != 0;
    if ((descriptor & 0x08) != 0) return Errno::INVAL;
    constexpr std::size_t kDictionaryBytes[] = {0, 1, 2, 4};
    constexpr std::size_t kContentBytes[] = {0, 2, 4, 8};
    const std::size_t dictionary = kDictionaryBytes[descriptor & 3];
    std::size_t content = kContentBytes[descriptor >> 6];
    if (single && content == 0) content = 1;
    FrameHeader header{.length = 1 + (single ? 0u : 1u) + dictionary + content,
                       .window = 0,
                       .content_known = content != 0,
                       .checksum = (descriptor & 4) != 0};
    if (input.size() < header.length) return Errno::INVAL;
    std::size_t at = 1;
    if (!single) {
        const auto window = static_cast<unsigned>(input[at++]);
        const std::uint64_t base = std::uint64_t{1} << (10 + (window >> 3));
        header.window = base + base / 8 * (window & 7);
    }
    if (load(input.subspan(at), dictionary) != 0) return Errno::INVAL;
    at += dictionary;
    header.content = load(input.subspan(at), content);
    if (content == 2) header.content += 256;
    if (single) header.window = header.content;
    if (header.window > kZstdMaxWindow) return Errno::INVAL;
    return header;
}

/// The blocks of a frame; how many bytes they take.
Result<std::size_t> run_blocks(std::span<const std::byte> input, const FrameHeader& header,
                               Window& window) {
    constexpr std::size_t kBlockHeader = 3;
    const Result<Box<ZstdBlocks>> made = Box<ZstdBlocks>::create(window);
    if (!made) return made.error();
    ZstdBlocks* const blocks = made->get();
    TRY(blocks->start());
    std::size_t at = 0;
    for (bool last = false; !last;) {
        if (input.size() - at < kBlockHeader) return Errno::INVAL;
        const std::uint64_t word = load(input.subspan(at), kBlockHeader);
        at += kBlockHeader;
        last = (word & 1) != 0;
        const unsigned type = word >> 1 & 3;
        const std::size_t size = word >> 3;
        const std::size_t content = type == 1 ? 1 : size;
        if (size > kZstdMaxBlock || content > input.size() - at) return Errno::INVAL;
        const std::span<const std::byte> block = input.subspan(at, content);
        at += content;
        if (type == 0) TRY(window.put(block));
        if (type == 1) TRY(window.fill(block[0], size));
        if (type == 2) TRY(blocks->decode(block));
        if (type == 3) return Errno::INVAL;
        if (header.content_known && window.total() > header.content) return Errno::INVAL;
    }
    if (header.content_known && window.total() != header.content) return Errno::INVAL;
    return at;
}

bool is_skippable(std::uint32_t magic) {
    return (magic & ~std::uint32_t{0xf}) == kSkippableMagic;
}

}  // namespace

bool is_zstd(std::span<const std::byte> input) {
    if (input.size() < 4) return false;
    const auto magic = static_cast<std::uint32_t>(load(input, 4));
    return magic == kMagic || is_skippable(magic);
}

Result<std::size_t> unzstd(std::span<const std::byte> input, ByteSink& sink) {
    if (!is_zstd(input)) return Errno::INVAL;
    std::size_t at = 4;
    if (is_skippable(static_cast<std::uint32_t>(load(input, 4)))) {
        if (input.size() - at < 4) return Errno::INVAL;
        const std::size_t size = load(input.subspan(at), 4);
        at += 4;
        if (size > input.size() - at) return Errno::INVAL;
        return at + size;
    }
    const FrameHeader header = TRY(read_header(input.subspan(at)));
    at += header.length;
    HashingSink hashing(sink);
    Window window(hashing);
    // At least a page, so that the sink is not called for every byte.
    constexpr std::uint64_t kLeast = 4096;
    const std::uint64_t reach =
        header.content_known ? std::min(header.window, header.content) : header.window;
    TRY(window.start(static_cast<std::size_t>(std::max(reach, kLeast))));
    const Result<std::size_t> used = run_blocks(input.subspan(at), header, window);
    TRY(window.flush());
    at += TRY(used);
    if (!header.checksum) return at;
    if (input.size() - at < 4) return Errno::INVAL;
    if (load(input.subspan(at), 4) != hashing.checksum()) return Errno::INVAL;
    return at + 4;
}

}  // namespace exo::compress
