// Zstandard (RFC 8878), decompression only, from memory into a sink; without dictionaries. Input is
// foreign: whatever it is, the result is its content or an error.
#pragma once

#include "lib/compress/window.h"

namespace exo::compress {

/// Frames that need to reach back further are refused: 128 MiB, as zstd -d without --long.
inline constexpr std::uint64_t kZstdMaxWindow = std::uint64_t{1} << 27;

/// One frame, which may be a skippable one; the result is its length in `input`, behind which more
/// may follow. INVAL: not Zstandard, corrupt (checksum included) or truncated; NOMEM: no memory for
/// its window; or the sink's error.
Result<std::size_t> unzstd(std::span<const std::byte> input, ByteSink& sink);

[[nodiscard]] bool is_zstd(std::span<const std::byte> input);

}  // namespace exo::compress
