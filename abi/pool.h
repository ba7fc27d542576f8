// Buffer pools: the layout in shared memory of messages too long for a slot. A line of constants, a
// bitmap that hints at free buffers, one state line a buffer, then, from a page boundary on, the
// buffers. A slot of kind kDescriptor names one (BufferDescriptor in abi/ring.h). The template
// parameter is as in abi/ring.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/ring.h"

namespace exo::abi {

inline constexpr std::uint64_t kPoolMagic = 0x316c6f6f506f7845;  ///< "ExoPool1"
inline constexpr std::uint8_t kPoolVersion = 1;
inline constexpr std::size_t kPoolPage = 4096;  ///< Buffers begin at a multiple of this.
inline constexpr std::uint32_t kPoolMaxCount = 1U << 20;
inline constexpr unsigned kPoolMinLog2 = 6;
inline constexpr unsigned kPoolMaxLog2 = 30;
inline constexpr std::uint32_t kPoolMaxOwner = (1U << 24) - 1;  ///< Owners are 1 to this.

struct PoolGeometry {
    std::uint32_t count = 0;       ///< Buffers.
    std::uint8_t log2_buffer = 0;  ///< Size of each, bytes.

    [[nodiscard]] static constexpr PoolGeometry decode(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word >> 32),
                static_cast<std::uint8_t>((word >> 8) & 0xff)};
    }
    [[nodiscard]] constexpr std::uint64_t encode() const {
        return std::uint64_t{kPoolVersion} | std::uint64_t{log2_buffer} << 8 |
               std::uint64_t{count} << 32;
    }
};

enum class BufferPhase : std::uint8_t {
    kFree = 0,
    kOwned = 1,     ///< `owner` may use and free it.
    kInFlight = 2,  ///< `owner` has sent it; whoever takes the descriptor's generation gets it.
};

/// A buffer's state, one word and the only truth about it. The generation grows with every change
/// of hands, so that a stale name fits nothing.
struct BufferState {
    std::uint32_t generation = 0;
    std::uint32_t owner = 0;
    BufferPhase phase = BufferPhase::kFree;

    [[nodiscard]] static constexpr BufferState decode(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word),
                static_cast<std::uint32_t>((word >> 32) & kPoolMaxOwner),
                static_cast<BufferPhase>(word >> 56)};
    }
    [[nodiscard]] constexpr std::uint64_t encode() const {
        return std::uint64_t{generation} | std::uint64_t{owner} << 32 |
               std::uint64_t{static_cast<std::uint8_t>(phase)} << 56;
    }
};

template <template <typename> typename Word>
struct alignas(kRingLine) PoolHeader {
    Word<std::uint64_t> magic;
    Word<std::uint64_t> geometry;  ///< PoolGeometry
};

template <template <typename> typename Word>
struct alignas(kRingLine) PoolState {
    Word<std::uint64_t> word;  ///< BufferState
};

static_assert(sizeof(PoolHeader<PlainWord>) == kRingLine);
static_assert(sizeof(PoolState<PlainWord>) == kRingLine);

}  // namespace exo::abi
