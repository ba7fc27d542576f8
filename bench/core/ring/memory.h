// Memory and rings that the benchmarks keep until the program ends.
#pragma once

#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "lib/base/bits.h"
#include "lib/base/result.h"
#include "lib/ring/layout.h"

namespace exo::bench {

/// The value, or the program's end: for set-up that fits together by construction.
template <typename T>
T must(Result<T> result) {
    if (!result) std::abort();
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Memory that is there until the program ends.
inline void* lasting_memory(std::size_t size) {
    void* memory = std::aligned_alloc(4096, align_up<std::size_t>(size, 4096));
    if (memory == nullptr) std::abort();
    std::memset(memory, 0, size);
    return memory;
}

inline ring::RingMemory lasting_ring(ring::RingFlavour flavour, std::uint16_t endpoints) {
    const ring::RingGeometry geometry{flavour, abi::kRingDefaultLog2, endpoints};
    const std::size_t size = ring::bytes_for(geometry);
    return must(ring::RingMemory::create(lasting_memory(size), size, geometry));
}

}  // namespace exo::bench
