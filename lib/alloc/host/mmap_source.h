// A Source of anonymous memory (mmap(2)) for programs on Linux.
#pragma once

#include <cstddef>

#include "lib/alloc/source.h"
#include "lib/base/result.h"

namespace exo::alloc::host {

/// What a program's heap reserves if it may: addresses only.
inline constexpr std::size_t kDefaultReserve = std::size_t{1} << 40;

/// Reserves `most` bytes of addresses, or the largest half, quarter, ... of it that RLIMIT_AS
/// allows, down to 4 MiB; none of it holds memory or counts against overcommit until committed. The
/// secret is from getrandom(2). NOMEM: not even that much. errno stays as it was.
[[nodiscard]] Result<Source> reserve_mmap_source(std::size_t most = kDefaultReserve);

/// Unmaps the range; the heap over it is gone.
void release_mmap_source(const Source& source);

}  // namespace exo::alloc::host
