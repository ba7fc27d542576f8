// Many producers, many consumers (or one: mpsc.h). Every slot carries a sequence number
// (abi/ring.h); an endpoint claims a run of slots by one compare-and-swap of `tail` or `head`,
// works on them, and hands each over by its header. No lock: an endpoint that stops between claim
// and hand-over holds up only the slots it claimed, and if it died there, reap.h gives them on.
//
// Memory order. (1) A payload is written before the release store of its header (p + 1) and read
// after the acquire load that found p + 1. (2) It is read before the release store of the header
// (p + capacity) and written again after the acquire load that found that: claiming only what was
// seen free or filled, and claiming it once, gives each slot one owner at a time. That a run is
// still as it was seen when the swap succeeds: a slot at a position not below `tail` changes only
// by a claim, which would have moved `tail` (the same for `head`), and positions never come back
// (63 bits). (3) The swap is a release, and the intent is stored before it: who acquires a `tail`
// above a position sees the intent of whoever claimed it, or a later one (see reap.h). (4) close()
// sets a bit in `tail`, so that every claim is either before it, and counted by the tail it found,
// or fails.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "lib/ring/batch.h"
#include "lib/ring/endpoint.h"
#include "lib/ring/layout.h"
#include "lib/ring/message.h"

namespace exo::ring {

/// How often a call claims anew after others were faster, before it says BUSY: a bound against
/// peers that cheat; honest ones make progress each time we lose.
inline constexpr unsigned kClaimAttempts = 256;

/// A sending end, of MPSC too; one thread at a time. All calls are bounded and never sleep.
class MpmcProducer {
  public:
    /// Joins the ring on behalf of `owner` (Registration::create). PROTO: another flavour; NOSPC:
    /// the endpoint table is full.
    static Result<MpmcProducer> attach(const RingMemory& memory, std::uint32_t owner) {
        if (memory.geometry().flavour == RingFlavour::kSpsc) return Errno::PROTO;
        auto registration = TRY(Registration::create(memory, owner, EndpointRole::kProducer));
        return MpmcProducer(memory, std::move(registration));
    }

    /// AGAIN: full. BUSY: others were faster too often, call again. PIPE: closed by either side.
    /// INVAL: not for sending. PROTO: broken by nonsense in shared memory, for good.
    Result<void> try_send(const Message& message) {
        if (!sendable(message.kind, message.length)) [[unlikely]]
            return Errno::INVAL;
        const auto claimed = claim(1);
        if (!claimed) [[unlikely]]
            return claimed.error();
        Slot& slot = memory_.slot(claimed->first);
        copy_payload(slot.payload, message.payload);
        publish(slot, {.sequence = low(claimed->first + 1),
                       .kind = message.kind,
                       .length = message.length,
                       .tag = message.tag});
        registration_.clear_intent();
        return {};
    }

    /// Up to `want` (not 0) free slots in a row, at least one; the next messages of all producers
    /// wait behind them until commit(). Errors as try_send().
    Result<Reservation<MpmcProducer>> try_reserve(std::uint32_t want) {
        if (want == 0) return Errno::INVAL;
        const auto claimed = claim(want);
        if (!claimed) return claimed.error();
        return Reservation<MpmcProducer>(*this, claimed->first, claimed->count);
    }

    /// Sends up to `count` (not 0) payloads that lie kRingPayload bytes apart, all under `header`,
    /// in a row; returns how many there was space for, at least one. Errors as try_send(). Each
    /// line is written once, the last slot's first, as commit().
    Result<std::uint32_t> try_send_all(const std::byte* payloads, std::uint32_t count,
                                       SlotHeader header) {
        if (count == 0 || !sendable(header.kind, header.length)) [[unlikely]]
            return Errno::INVAL;
        const auto claimed = claim(count);
        if (!claimed) [[unlikely]]
            return claimed.error();
        const RingMemory memory = memory_;
        for (std::uint32_t i = claimed->count; i-- > 0;) {
            Slot& slot = memory.slot(claimed->first + i);
            copy_payload(slot.payload, payloads + std::size_t{i} * abi::kRingPayload);
            header.sequence = low(claimed->first + i + 1);
            publish(slot, header);
        }
        registration_.clear_intent();
        return claimed->count;
    }

    /// Ends the stream for all producers: consumers get what was claimed before, then NODATA.
    void close() {
        // The word that consumers look at first; if we die here, nothing has been closed.
        memory_.header().senders_closed.store(1, std::memory_order_release);
        memory_.header().tail.fetch_or(abi::kRingTailClosed, std::memory_order_acq_rel);
    }

    [[nodiscard]] const RingMemory& memory() const { return memory_; }
    [[nodiscard]] std::uint32_t endpoint() const { return registration_.index(); }

    // For Reservation: what was not filled goes out as kAbandoned. Last slot first: a consumer that
    // waits for the first one then finds all of them.
    void commit(std::uint64_t first, std::uint32_t filled, std::uint32_t granted) {
        const RingMemory memory = memory_;
        for (std::uint64_t position = first + granted; position-- != first + filled;) {
            publish(memory.slot(position), {.sequence = low(position + 1),
                                            .kind = SlotKind::kAbandoned,
                                            .length = 0,
                                            .tag = 0});
        }
        for (std::uint64_t position = first + filled; position-- != first;) {
            Slot& slot = memory.slot(position);
            auto header = SlotHeader::decode(slot.header.load(std::memory_order_relaxed));
            header.sequence = low(position + 1);
            publish(slot, header);
        }
        registration_.clear_intent();
    }

  private:
    struct Claim {
        std::uint64_t first;
        std::uint32_t count;
    };

    MpmcProducer(const RingMemory& memory, Registration registration)
        : memory_(memory), registration_(std::move(registration)) {}

    static void publish(Slot& slot, SlotHeader header) {
        slot.header.store(header.encode(), std::memory_order_release);
    }

    Result<Claim> claim(std::uint32_t want) {
        auto& header = memory_.header();
        if (broken_) [[unlikely]]
            return Errno::PROTO;
        if (header.receivers_closed.load(std::memory_order_relaxed) != 0) return Errno::PIPE;
        const auto limit = static_cast<std::uint32_t>(
            std::min<std::uint64_t>({want, memory_.capacity(), abi::kRingMaxBatch}));
        std::uint64_t tail = header.tail.load(std::memory_order_acquire);
        for (unsigned attempt = 0; attempt < kClaimAttempts; ++attempt) {
            if ((tail & abi::kRingTailClosed) != 0) return Errno::PIPE;
            const std::uint32_t count = count_free(tail, limit);
            if (count == 0) {
                const std::uint64_t now = header.tail.load(std::memory_order_acquire);
                if (now == tail) return why_full(tail);
                tail = now;
                continue;
            }
            registration_.set_intent(tail, count);
            std::uint64_t expected = tail;
            if (header.tail.compare_exchange_strong(
                    expected, tail + count, std::memory_order_acq_rel, std::memory_order_acquire)) {
                return Claim{tail, count};
            }
            registration_.clear_intent();
            tail = expected;
        }
        return Errno::BUSY;
    }

    [[nodiscard]] std::uint32_t count_free(std::uint64_t tail, std::uint32_t limit) const {
        const RingMemory memory = memory_;
        std::uint32_t count = 0;
        for (; count < limit; ++count) {
            const auto sequence =
                low(memory.slot(tail + count).header.load(std::memory_order_acquire));
            if (sequence != low(tail + count)) break;
            if (count != 0) continue;
            // Each line is wanted for writing in the end: fetched so at once, it comes once.
            for (std::uint32_t i = 1; i < limit; ++i) prefetch_for_write(&memory.slot(tail + i));
        }
        return count;
    }

    // The slot at `tail` was not free, and `tail` stood still over that: it belongs to the lap
    // before, filled or not yet. (It cannot be ahead: who published there had moved `tail` first,
    // and we would have seen that after acquiring its header.)
    [[gnu::noinline]] Errno why_full(std::uint64_t tail) {
        const std::uint32_t sequence =
            low(memory_.slot(tail).header.load(std::memory_order_acquire));
        if (sequence == low(tail)) return Errno::AGAIN;  // freed, or claimed, just now
        const std::uint32_t behind = low(tail) - sequence;
        if (behind == memory_.capacity() || behind == memory_.capacity() - 1) return Errno::AGAIN;
        if (memory_.header().tail.load(std::memory_order_acquire) != tail) return Errno::BUSY;
        broken_ = true;
        return Errno::PROTO;
    }

    RingMemory memory_;
    Registration registration_;
    bool broken_ = false;
};

/// A receiving end of an MPMC ring; one thread at a time. All calls are bounded and never sleep.
class MpmcConsumer {
  public:
    /// As MpmcProducer::attach().
    static Result<MpmcConsumer> attach(const RingMemory& memory, std::uint32_t owner) {
        if (memory.geometry().flavour != RingFlavour::kMpmc) return Errno::PROTO;
        auto registration = TRY(Registration::create(memory, owner, EndpointRole::kConsumer));
        return MpmcConsumer(memory, std::move(registration));
    }

    /// AGAIN: no message, or the next one is still being written. BUSY: others were faster too
    /// often, or an abandoned slot was skipped; call again. NODATA: drained, and closed by a
    /// sender. PROTO: broken by nonsense in shared memory, for good.
    Result<Message> try_receive() {
        const auto claimed = claim(1);
        if (!claimed) return claimed.error();
        Slot& slot = memory_.slot(claimed->first);
        const auto header = SlotHeader::decode(slot.header.load(std::memory_order_relaxed));
        const auto checked = check(header);
        if (!checked || header.kind == SlotKind::kAbandoned) [[unlikely]] {
            release(claimed->first, 1);
            return checked ? Errno::BUSY : fail();
        }
        Result<Message> message(std::in_place);
        message->kind = header.kind;
        message->length = header.length;
        message->tag = header.tag;
        copy_payload(message->payload, slot.payload);
        release(claimed->first, 1);
        return message;
    }

    /// Up to `want` (not 0) messages in a row, at least one, some of which may be kAbandoned.
    /// Errors as try_receive(). They are this consumer's; if it dies with them, they are lost.
    Result<Acquisition<MpmcConsumer>> try_acquire(std::uint32_t want) {
        if (want == 0) return Errno::INVAL;
        const auto claimed = claim(want);
        if (!claimed) return claimed.error();
        return Acquisition<MpmcConsumer>(*this, claimed->first, claimed->count);
    }

    /// Takes up to `count` (not 0) messages in a row, at least one, and returns how many: message i
    /// with its payload at `payloads` + i * kRingPayload and its header in `headers`[i], whose kind
    /// may be kAbandoned. Errors as try_receive(). Each line is read and given back at once.
    Result<std::uint32_t> try_receive_all(std::byte* payloads, SlotHeader* headers,
                                          std::uint32_t count) {
        if (count == 0) return Errno::INVAL;
        const auto claimed = claim(count);
        if (!claimed) return claimed.error();
        const RingMemory memory = memory_;
        bool sound = true;
        for (std::uint32_t i = claimed->count; i-- > 0;) {
            const std::uint64_t position = claimed->first + i;
            Slot& slot = memory.slot(position);
            const auto header = SlotHeader::decode(slot.header.load(std::memory_order_relaxed));
            sound = sound && check(header);
            headers[i] = header;
            copy_payload(payloads + std::size_t{i} * abi::kRingPayload, slot.payload);
            const SlotHeader free{.sequence = low(position + memory.capacity())};
            slot.header.store(free.encode(), std::memory_order_release);
        }
        registration_.clear_intent();
        if (!sound) [[unlikely]]
            return fail();
        return claimed->count;
    }

    /// Takes no more, for all consumers: producers get PIPE.
    void close() { memory_.header().receivers_closed.store(1, std::memory_order_release); }

    [[nodiscard]] const RingMemory& memory() const { return memory_; }
    [[nodiscard]] std::uint32_t endpoint() const { return registration_.index(); }

    // For Acquisition.
    static bool published(std::uint32_t sequence, std::uint64_t position) {
        return sequence == low(position + 1);
    }
    // Last slot first, as commit().
    void release(std::uint64_t first, std::uint32_t count) {
        const RingMemory memory = memory_;
        for (std::uint64_t position = first + count; position-- != first;) {
            const SlotHeader free{.sequence = low(position + memory.capacity())};
            memory.slot(position).header.store(free.encode(), std::memory_order_release);
        }
        registration_.clear_intent();
    }
    Errno fail() {
        broken_ = true;
        return Errno::PROTO;
    }

  private:
    struct Claim {
        std::uint64_t first;
        std::uint32_t count;
    };

    MpmcConsumer(const RingMemory& memory, Registration registration)
        : memory_(memory), registration_(std::move(registration)) {}

    Result<Claim> claim(std::uint32_t want) {
        auto& header = memory_.header();
        if (broken_) [[unlikely]]
            return Errno::PROTO;
        const auto limit = static_cast<std::uint32_t>(
            std::min<std::uint64_t>({want, memory_.capacity(), abi::kRingMaxBatch}));
        std::uint64_t head = header.head.load(std::memory_order_acquire);
        for (unsigned attempt = 0; attempt < kClaimAttempts; ++attempt) {
            const std::uint32_t count = count_filled(head, limit);
            if (count == 0) {
                const std::uint64_t now = header.head.load(std::memory_order_acquire);
                if (now == head) return why_empty(head);
                head = now;
                continue;
            }
            registration_.set_intent(head, count);
            std::uint64_t expected = head;
            if (header.head.compare_exchange_strong(
                    expected, head + count, std::memory_order_acq_rel, std::memory_order_acquire)) {
                return Claim{head, count};
            }
            registration_.clear_intent();
            head = expected;
        }
        return Errno::BUSY;
    }

    [[nodiscard]] std::uint32_t count_filled(std::uint64_t head, std::uint32_t limit) const {
        const RingMemory memory = memory_;
        std::uint32_t count = 0;
        for (; count < limit; ++count) {
            const auto sequence =
                low(memory.slot(head + count).header.load(std::memory_order_acquire));
            if (sequence != low(head + count + 1)) break;
            if (count != 0) continue;
            // The rest only now that the first is there: before, they may be with a producer that
            // fills them.
            for (std::uint32_t i = 1; i < limit; ++i) prefetch_for_write(&memory.slot(head + i));
        }
        return count;
    }

    // No message at `head`, and `head` stood still over that: the slot is free, or being filled, or
    // still with a consumer of the lap before. `tail` is looked at only when somebody has closed:
    // an idle consumer must not take its line from the producers.
    [[gnu::noinline]] Errno why_empty(std::uint64_t head) {
        auto& header = memory_.header();
        if (header.senders_closed.load(std::memory_order_acquire) != 0 &&
            header.tail.load(std::memory_order_acquire) == (head | abi::kRingTailClosed)) {
            return Errno::NODATA;
        }
        const std::uint32_t sequence =
            low(memory_.slot(head).header.load(std::memory_order_acquire));
        if (sequence == low(head) || sequence == low(head + 1)) return Errno::AGAIN;
        if (low(head) - sequence == memory_.capacity() - 1) return Errno::AGAIN;
        if (header.head.load(std::memory_order_acquire) != head) return Errno::BUSY;
        return fail();
    }

    RingMemory memory_;
    Registration registration_;
    bool broken_ = false;
};

}  // namespace exo::ring
