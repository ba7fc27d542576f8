// A ring's memory as lib/ring sees it: the layout of abi/ring.h made of atomics, its creation in
// the caller's memory, and RingMemory, a validated view whose geometry is private to the endpoint
// that holds it: whatever the other side writes later, no index leaves the mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "abi/ring.h"
#include "lib/base/atomic.h"
#include "lib/base/bits.h"
#include "lib/base/cpu.h"
#include "lib/base/result.h"

namespace exo::ring {

using abi::RingFlavour;
using abi::RingGeometry;
using abi::SlotHeader;
using abi::SlotKind;

using Slot = abi::RingSlot<Atomic>;
using Header = abi::RingHeader<Atomic>;
using Event = abi::RingEvent<Atomic>;
using Endpoint = abi::RingEndpoint<Atomic>;

#ifndef EXO_MODEL_CHECK
static_assert(sizeof(Slot) == sizeof(abi::RingSlot<abi::PlainWord>));
static_assert(sizeof(Header) == sizeof(abi::RingHeader<abi::PlainWord>));
static_assert(sizeof(Endpoint) == sizeof(abi::RingEndpoint<abi::PlainWord>));
static_assert(Atomic<std::uint64_t>::is_always_lock_free);
#endif

/// Low half of a position: what a slot's header can hold of it.
[[nodiscard]] constexpr std::uint32_t low(std::uint64_t position) {
    return static_cast<std::uint32_t>(position);
}

/// INVAL unless a ring of this geometry can exist.
[[nodiscard]] inline Result<void> check(const RingGeometry& geometry) {
    const bool shared =
        geometry.flavour == RingFlavour::kMpsc || geometry.flavour == RingFlavour::kMpmc;
    if (!shared && geometry.flavour != RingFlavour::kSpsc) return Errno::INVAL;
    if (geometry.log2_capacity < abi::kRingMinLog2 || geometry.log2_capacity > abi::kRingMaxLog2) {
        return Errno::INVAL;
    }
    if (geometry.endpoints > abi::kRingMaxEndpoints) return Errno::INVAL;
    if (shared && geometry.endpoints == 0) return Errno::INVAL;
    return {};
}

/// Bytes a ring of this geometry, which must pass check(), takes: less than 2^27, cannot overflow.
[[nodiscard]] constexpr std::size_t bytes_for(const RingGeometry& geometry) {
    return sizeof(Header) + geometry.endpoints * sizeof(Endpoint) +
           (std::size_t{1} << geometry.log2_capacity) * sizeof(Slot);
}

class RingMemory {
  public:
    /// Makes an empty ring in `memory` (aligned to a line, `size` bytes, used by nobody yet).
    /// INVAL: geometry or alignment; NOBUFS: `size` is below bytes_for(geometry).
    static Result<RingMemory> create(void* memory, std::size_t size, RingGeometry geometry) {
        TRY(check(geometry));
        if (!aligned(memory)) return Errno::INVAL;
        if (size < bytes_for(geometry)) return Errno::NOBUFS;
        auto* header = new (memory) Header{};
        auto* endpoints = reinterpret_cast<Endpoint*>(header + 1);
        for (std::size_t i = 0; i < geometry.endpoints; ++i) new (&endpoints[i]) Endpoint{};
        auto* slots = reinterpret_cast<Slot*>(endpoints + geometry.endpoints);
        for (std::size_t i = 0; i < std::size_t{1} << geometry.log2_capacity; ++i) {
            auto* slot = new (&slots[i]) Slot;
            slot->header.store(SlotHeader{.sequence = low(i)}.encode(), std::memory_order_relaxed);
        }
        header->geometry.store(geometry.encode(), std::memory_order_relaxed);
        // Pairs with the acquire in attach(): who sees the magic sees the whole ring.
        header->magic.store(abi::kRingMagic, std::memory_order_release);
        return RingMemory(header, geometry);
    }

    /// A view of the ring that somebody made in `memory`, whose real size is `size`. Trusts nothing
    /// there. INVAL: alignment; PROTO: no ring, or not one that fits; PROTONOSUPPORT: of another
    /// version.
    static Result<RingMemory> attach(void* memory, std::size_t size) {
        if (!aligned(memory)) return Errno::INVAL;
        if (size < sizeof(Header)) return Errno::PROTO;
        auto* header = static_cast<Header*>(memory);
        if (header->magic.load(std::memory_order_acquire) != abi::kRingMagic) return Errno::PROTO;
        const std::uint64_t word = header->geometry.load(std::memory_order_relaxed);
        if ((word & 0xffff) != abi::kRingVersion) return Errno::PROTONOSUPPORT;
        const auto geometry = RingGeometry::decode(word);
        if (geometry.encode() != word || !check(geometry)) return Errno::PROTO;
        if (size < bytes_for(geometry)) return Errno::PROTO;
        return RingMemory(header, geometry);
    }

    [[nodiscard]] Header& header() const { return *header_; }
    [[nodiscard]] RingGeometry geometry() const { return geometry_; }
    [[nodiscard]] std::uint64_t capacity() const { return std::uint64_t{mask_} + 1; }
    [[nodiscard]] Slot& slot(std::uint64_t position) const { return slots_[position & mask_]; }
    [[nodiscard]] std::uint32_t endpoint_count() const { return geometry_.endpoints; }
    [[nodiscard]] Endpoint& endpoint(std::uint32_t index) const {
        return reinterpret_cast<Endpoint*>(header_ + 1)[index];
    }

  private:
    RingMemory(Header* header, RingGeometry geometry)
        : header_(header),
          slots_(reinterpret_cast<Slot*>(reinterpret_cast<Endpoint*>(header + 1) +
                                         geometry.endpoints)),
          mask_((std::uint32_t{1} << geometry.log2_capacity) - 1),
          geometry_(geometry) {}

    [[nodiscard]] static bool aligned(const void* memory) {
        return reinterpret_cast<std::uintptr_t>(memory) % alignof(Header) == 0;
    }

    Header* header_;
    Slot* slots_;
    std::uint64_t mask_;
    RingGeometry geometry_;
};

}  // namespace exo::ring
