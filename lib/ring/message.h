// What travels: Message, a whole message by value, and Incoming, a message that still stands in its
// slot; and the one function by which lib/ring moves message bytes, so that copies can be counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "abi/ring.h"
#include "lib/base/atomic.h"
#include "lib/base/result.h"
#include "lib/ring/layout.h"

namespace exo::ring {

#ifdef EXO_RING_COUNT_COPIES
/// Message bytes that lib/ring copied in this program (a build for measuring, one thread).
inline std::uint64_t bytes_copied = 0;
#endif

/// Moves a payload, always whole: seven words of known size beat a call with a length.
inline void copy_payload(std::byte* to, const std::byte* from) {
#ifdef EXO_RING_COUNT_COPIES
    bytes_copied += abi::kRingPayload;
#endif
    EXO_RACE_CHECK_READ(from, abi::kRingPayload);
    EXO_RACE_CHECK_WRITE(to, abi::kRingPayload);
    __builtin_memcpy(to, from, abi::kRingPayload);
}

struct Message {
    SlotKind kind = SlotKind::kInline;
    std::uint8_t length = 0;
    std::uint16_t tag = 0;
    alignas(8) std::byte payload[abi::kRingPayload];

    /// An inline message of `size` bytes; MSGSIZE above kRingPayload.
    static Result<Message> of(const void* bytes, std::size_t size, std::uint16_t tag = 0) {
        if (size > abi::kRingPayload) return Errno::MSGSIZE;
        Message message{.length = static_cast<std::uint8_t>(size), .tag = tag, .payload = {}};
        std::memcpy(message.payload, bytes, size);
        return message;
    }
};

/// A message in place. The payload is shared memory: a hostile sender may change it at any time, so
/// what decides anything is read from it once.
struct Incoming {
    SlotKind kind;
    std::uint8_t length;  ///< Never above kRingPayload.
    std::uint16_t tag;
    const std::byte* payload;
};

/// The header as a receiver may believe it: PROTO for a kind or length that no sender writes.
[[nodiscard]] inline Result<SlotHeader> check(const SlotHeader& header) {
    if (header.length > abi::kRingPayload) return Errno::PROTO;
    if (header.kind != SlotKind::kInline && header.kind != SlotKind::kDescriptor &&
        header.kind != SlotKind::kAbandoned) {
        return Errno::PROTO;
    }
    return header;
}

/// Whether a sender may put this in a slot: kAbandoned and kNone are the ring's own.
[[nodiscard]] inline bool sendable(SlotKind kind, std::size_t length) {
    return length <= abi::kRingPayload &&
           (kind == SlotKind::kInline || kind == SlotKind::kDescriptor);
}

}  // namespace exo::ring
