// The content of Zstandard's compressed blocks: literals and sequences (RFC 8878 3.1.1.3).
#pragma once

#include "lib/compress/window.h"
#include "lib/compress/zstd_entropy.h"

namespace exo::compress {

inline constexpr std::size_t kZstdMaxBlock = 128 * 1024;

class ZstdBlocks {
  public:
    explicit ZstdBlocks(Window& window) : window_(window) {}

    /// NOMEM.
    Result<void> start() { return literals_.resize(kZstdMaxBlock); }

    /// Decodes one compressed block into the window. INVAL.
    Result<void> decode(std::span<const std::byte> block);

  private:
    Result<std::size_t> read_literals(std::span<const std::byte> block);
    Result<std::size_t> read_plain_literals(std::span<const std::byte> block);
    Result<std::size_t> read_coded_literals(std::span<const std::byte> block);
    Result<void> decode_streams(std::span<const std::byte> coded, bool four);

    struct Kind;
    Result<std::size_t> read_table(FseTable& table, const Kind& kind, unsigned mode,
                                   std::span<const std::byte> input);
    Result<void> read_sequences(std::span<const std::byte> input);
    Result<void> run_sequences(std::span<const std::byte> stream, std::uint32_t count);
    Result<std::size_t> resolve_offset(std::uint32_t value, std::size_t literal_length);

    Window& window_;
    Vector<std::byte> literals_;
    std::size_t literal_count_ = 0;
    std::size_t literal_at_ = 0;
    HuffmanTable huffman_;
    FseTable literal_lengths_;
    FseTable offsets_;
    FseTable match_lengths_;
    std::array<std::size_t, 3> recent_ = {1, 4, 8};
};

}  // namespace exo::compress
