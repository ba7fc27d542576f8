// Fusion Rings: the layout in shared memory, one for kernel, programs and tests. A ring is a run of
// cache lines: constants, tail, head, closing, two event counts, a table of endpoints (one line
// each), then 2^n slots of 64 bytes: 8 of header, 56 of payload. Every word is native-endian and
// naturally aligned. The template parameter is what the words are made of: plain integers here,
// atomics in lib/ring.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::abi {

inline constexpr std::uint64_t kRingMagic = 0x31676e69526f7845;  ///< "ExoRing1"
inline constexpr std::uint16_t kRingVersion = 1;
inline constexpr std::size_t kRingLine = 64;  ///< What two sides write is this far apart.
inline constexpr std::size_t kRingPayload = 56;
inline constexpr unsigned kRingMinLog2 = 1;
inline constexpr unsigned kRingMaxLog2 = 20;
inline constexpr unsigned kRingDefaultLog2 = 12;
inline constexpr unsigned kRingMaxEndpoints = 1024;
inline constexpr unsigned kRingMaxBatch = 0xffff;  ///< Slots that one claim may cover.

enum class RingFlavour : std::uint8_t { kSpsc = 1, kMpsc = 2, kMpmc = 3 };

enum class SlotKind : std::uint8_t {
    kNone = 0,        ///< The slot is free.
    kInline = 1,      ///< The payload is the message.
    kDescriptor = 2,  ///< The payload is a BufferDescriptor of a pool both sides know.
    kAbandoned = 3,   ///< Claimed, never filled: its owner gave up or died. Receivers skip it.
};

/// A slot's header, one 64-bit word, so that sequence, kind and length are read and published at
/// once. With p the 64-bit position of a message, the sequence is the low half of: p while the slot
/// is free or being filled for p; p + 1 once the message is there (an SPSC producer may leave p,
/// with the message's kind, in a run of several that moving `tail` publishes); p + capacity when a
/// consumer of an MPSC or MPMC ring has given it back (the next lap's p). A consumer of an SPSC
/// ring leaves the slot alone and publishes `head`.
struct SlotHeader {
    std::uint32_t sequence = 0;
    SlotKind kind = SlotKind::kNone;
    std::uint8_t length = 0;  ///< Bytes of the payload that count, 0 to kRingPayload.
    std::uint16_t tag = 0;    ///< The sender's; the ring does not look at it.

    [[nodiscard]] static constexpr SlotHeader decode(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word), static_cast<SlotKind>((word >> 32) & 0xff),
                static_cast<std::uint8_t>((word >> 40) & 0xff),
                static_cast<std::uint16_t>(word >> 48)};
    }
    [[nodiscard]] constexpr std::uint64_t encode() const {
        return std::uint64_t{sequence} | std::uint64_t{static_cast<std::uint8_t>(kind)} << 32 |
               std::uint64_t{length} << 40 | std::uint64_t{tag} << 48;
    }
};

template <template <typename> typename Word>
struct alignas(kRingLine) RingSlot {
    Word<std::uint64_t> header;  ///< SlotHeader
    alignas(8) std::byte payload[kRingPayload];
};

/// What a ring is, one word, fixed for its life.
struct RingGeometry {
    RingFlavour flavour = RingFlavour::kSpsc;
    std::uint8_t log2_capacity = kRingDefaultLog2;
    std::uint16_t endpoints = 0;  ///< Entries of the endpoint table; MPSC and MPMC need some.

    [[nodiscard]] static constexpr RingGeometry decode(std::uint64_t word) {
        return {static_cast<RingFlavour>((word >> 16) & 0xff),
                static_cast<std::uint8_t>((word >> 24) & 0xff),
                static_cast<std::uint16_t>((word >> 32) & 0xffff)};
    }
    [[nodiscard]] constexpr std::uint64_t encode() const {
        return std::uint64_t{kRingVersion} |
               std::uint64_t{static_cast<std::uint8_t>(flavour)} << 16 |
               std::uint64_t{log2_capacity} << 24 | std::uint64_t{endpoints} << 32;
    }
    friend constexpr bool operator==(const RingGeometry&, const RingGeometry&) = default;
};

/// Set in `tail` of an MPSC or MPMC ring when no message can be claimed any more.
inline constexpr std::uint64_t kRingTailClosed = std::uint64_t{1} << 63;

/// An event count: bit 0 says that somebody may sleep, the rest is the epoch, which moves when
/// sleepers are woken. One word, so that a mark belongs to one epoch.
template <template <typename> typename Word>
struct alignas(kRingLine) RingEvent {
    Word<std::uint32_t> word;
};

template <template <typename> typename Word>
struct RingHeader {
    alignas(kRingLine) Word<std::uint64_t> magic;
    Word<std::uint64_t> geometry;                 ///< RingGeometry
    alignas(kRingLine) Word<std::uint64_t> tail;  ///< Position of the next message to be sent.
    alignas(kRingLine) Word<std::uint64_t> head;  ///< Position of the next message to be taken.
    /// A line of their own: a consumer of an empty ring polls them, and must not thereby take the
    /// line of `tail` from the producer that is about to write it.
    alignas(kRingLine) Word<std::uint32_t> senders_closed;
    Word<std::uint32_t> receivers_closed;
    Word<std::uint64_t>
        lost;  ///< Messages that died with their consumers (a reaper that dies may not count one).
    RingEvent<Word> data;   ///< Receivers sleep here.
    RingEvent<Word> space;  ///< Senders sleep here.
};

enum class EndpointState : std::uint8_t { kFree = 0, kLive = 1, kDead = 2 };
enum class EndpointRole : std::uint8_t { kNone = 0, kProducer = 1, kConsumer = 2 };

/// Who an endpoint belongs to, one word. The generation tells two users of one entry apart.
struct EndpointOwner {
    std::uint32_t owner = 0;  ///< Whatever names the process or domain to its reaper.
    std::uint16_t generation = 0;
    EndpointRole role = EndpointRole::kNone;
    EndpointState state = EndpointState::kFree;

    [[nodiscard]] static constexpr EndpointOwner decode(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word), static_cast<std::uint16_t>(word >> 32),
                static_cast<EndpointRole>((word >> 48) & 0xff),
                static_cast<EndpointState>((word >> 56) & 0xff)};
    }
    [[nodiscard]] constexpr std::uint64_t encode() const {
        return std::uint64_t{owner} | std::uint64_t{generation} << 32 |
               std::uint64_t{static_cast<std::uint8_t>(role)} << 48 |
               std::uint64_t{static_cast<std::uint8_t>(state)} << 56;
    }
};

/// The slots an endpoint has claimed or is about to claim, one word; count 0 is none.
struct ClaimIntent {
    std::uint32_t position = 0;  ///< Low half of the first slot's position.
    std::uint16_t count = 0;
    EndpointRole role = EndpointRole::kNone;

    [[nodiscard]] static constexpr ClaimIntent decode(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word), static_cast<std::uint16_t>(word >> 32),
                static_cast<EndpointRole>((word >> 48) & 0xff)};
    }
    [[nodiscard]] constexpr std::uint64_t encode() const {
        return std::uint64_t{position} | std::uint64_t{count} << 32 |
               std::uint64_t{static_cast<std::uint8_t>(role)} << 48;
    }
    [[nodiscard]] constexpr bool covers(std::uint32_t other) const {
        return other - position < count;
    }
};

template <template <typename> typename Word>
struct alignas(kRingLine) RingEndpoint {
    Word<std::uint64_t> owner;   ///< EndpointOwner
    Word<std::uint64_t> intent;  ///< ClaimIntent, written by the owner alone while it lives.
};

/// A buffer of a pool, as it stands in a slot of kind kDescriptor.
struct BufferDescriptor {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    std::uint32_t offset = 0;  ///< Bytes from the buffer's start.
    std::uint32_t length = 0;  ///< Bytes.
};

template <typename T>
using PlainWord = T;

static_assert(sizeof(SlotHeader) == 8);
static_assert(sizeof(RingSlot<PlainWord>) == 64);
static_assert(offsetof(RingSlot<PlainWord>, payload) == 8);
static_assert(sizeof(RingHeader<PlainWord>) == 6 * kRingLine);
static_assert(offsetof(RingHeader<PlainWord>, tail) == 1 * kRingLine);
static_assert(offsetof(RingHeader<PlainWord>, head) == 2 * kRingLine);
static_assert(offsetof(RingHeader<PlainWord>, senders_closed) == 3 * kRingLine);
static_assert(offsetof(RingHeader<PlainWord>, data) == 4 * kRingLine);
static_assert(offsetof(RingHeader<PlainWord>, space) == 5 * kRingLine);
static_assert(sizeof(RingEndpoint<PlainWord>) == 64);
static_assert(sizeof(BufferDescriptor) == 16);

}  // namespace exo::abi
