// gzip (RFC 1952) over DEFLATE (RFC 1951), decompression only, from memory into a sink. Input is
// foreign: whatever it is, the result is its content or an error.
#pragma once

#include "lib/compress/window.h"

namespace exo::compress {

/// One member; the result is its length in `input`, behind which more may follow. INVAL: not gzip,
/// corrupt (checksum included) or truncated; NOMEM; or the sink's error.
Result<std::size_t> gunzip(std::span<const std::byte> input, ByteSink& sink);

[[nodiscard]] bool is_gzip(std::span<const std::byte> input);

}  // namespace exo::compress
