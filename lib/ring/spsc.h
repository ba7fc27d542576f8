// One producer, one consumer. Positions are private to the endpoints; `tail` and `head` in shared
// memory are published copies. A single message costs one cache-line transfer: the consumer polls
// the header of the very slot it waits for, which shares its line with the payload. A consumer of
// batches of several polls `tail` instead: one more line a batch, but no line is taken away half
// filled. A run committed in place is published by `tail` alone, so that its lines are written
// once; its headers keep the sequence of a slot being filled, and their kind tells a consumer of
// single messages to look at `tail` too.
//
// Memory order. (1) A payload is written before the release store of its header, if that says that
// the message is there, and always before the release store of `tail`; it is read after an acquire
// load of either: the consumer sees it whole. A header that does not say so may belong to a
// reservation given up: it is read again after `tail`. (2) The consumer reads a
// payload before its release store of `head`; the producer writes the slot again only after an
// acquire load of `head` that covers it: nothing is overwritten while it is read. (3) The producer
// closes by a release store after its last message; a consumer that sees it by an acquire load and
// then finds no message (in its slot, or by `tail`) knows there is none. (4) Claiming a line stores
// "free" into the header of a slot that is free by (2), which orders nothing and so is relaxed: no
// consumer takes it for a message, and the release store of the same header or of `tail` follows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/ring/batch.h"
#include "lib/ring/layout.h"
#include "lib/ring/message.h"

namespace exo::ring {

/// The sending end; one thread at a time. All calls are bounded and never sleep.
class SpscProducer {
  public:
    /// Continues where the last producer stopped, dead or not; there must be no other. Also for who
    /// learns of its death, to publish its last messages and close(). PROTO: the memory is not an
    /// SPSC ring in a possible state.
    static Result<SpscProducer> attach(const RingMemory& memory) {
        if (memory.geometry().flavour != RingFlavour::kSpsc) return Errno::PROTO;
        const std::uint64_t head = memory.header().head.load(std::memory_order_acquire);
        std::uint64_t tail = memory.header().tail.load(std::memory_order_acquire);
        // A producer that died between publishing messages and publishing `tail` left messages that
        // `tail` does not count, and that the consumer may have taken.
        if (head - tail <= memory.capacity()) tail = head;
        if (tail - head > memory.capacity()) return Errno::PROTO;
        while (tail - head < memory.capacity() && sequence_at(memory, tail) == low(tail + 1))
            ++tail;
        memory.header().tail.store(tail, std::memory_order_release);
        return SpscProducer(memory, tail, head);
    }

    /// AGAIN: full. PIPE: the receiver closed. INVAL: not for sending. PROTO: broken by nonsense in
    /// shared memory, for good.
    Result<void> try_send(const Message& message) {
        return try_send(
            message.payload,
            {.sequence = 0, .kind = message.kind, .length = message.length, .tag = message.tag});
    }

    /// The same of kRingPayload readable bytes and a header, whose sequence is not looked at.
    Result<void> try_send(const std::byte* payload, SlotHeader header) {
        if (!sendable(header.kind, header.length)) [[unlikely]]
            return Errno::INVAL;
        if (closed_by_receiver() || tail_ == limit_) [[unlikely]]
            TRY(find_space());
        put(memory_, tail_, payload, header);
        ++tail_;
        memory_.header().tail.store(tail_, std::memory_order_release);
        return {};
    }

    /// Sends up to `count` (not 0) payloads that lie kRingPayload bytes apart, all under `header`,
    /// as single messages; returns how many there was space for, at least one. Errors as
    /// try_send(). Payloads and headers go out in one pass: a commit() writes the headers of its
    /// slots again, and by then a receiver's hardware prefetcher may have taken them
    /// (docs/ring.md).
    Result<std::uint32_t> try_send_all(const std::byte* payloads, std::uint32_t count,
                                       SlotHeader header) {
        if (count == 0 || !sendable(header.kind, header.length)) [[unlikely]]
            return Errno::INVAL;
        if (closed_by_receiver() || limit_ - tail_ < count) [[unlikely]]
            TRY(find_space());
        const auto sent =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(count, limit_ - tail_));
        const RingMemory memory = memory_;
        const std::uint64_t first = tail_;
        for (std::uint32_t i = 0; i < sent; ++i) {
            if (i % kClaimedLines == 0) claim_lines(memory, first + i, sent - i);
            put(memory, first + i, payloads + std::size_t{i} * abi::kRingPayload, header);
        }
        tail_ = first + sent;
        memory_.header().tail.store(tail_, std::memory_order_release);
        return sent;
    }

    /// Up to `want` (not 0) free slots, at least one. Errors as try_send().
    Result<Reservation<SpscProducer>> try_reserve(std::uint32_t want) {
        if (want == 0) return Errno::INVAL;
        if (closed_by_receiver() || limit_ - tail_ < want) [[unlikely]]
            TRY(find_space());
        const auto granted =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(want, limit_ - tail_));
        claim_lines(memory_, tail_, granted);
        return Reservation<SpscProducer>(*this, tail_, granted);
    }

    /// Takes the next slot's line from the consumer's cache while nobody waits for it, by writing
    /// what is true: free. (PREFETCHW did not do it on Zen 4: docs/ring.md.)
    void claim_line() {
        if (tail_ != limit_) claim_line(memory_, tail_);
    }

    /// Ends the stream: the consumer gets what was sent, then NODATA.
    void close() { memory_.header().senders_closed.store(1, std::memory_order_release); }

    [[nodiscard]] const RingMemory& memory() const { return memory_; }

    // For Reservation. One message goes out as try_send()'s, in the transfer of its own line.
    void commit(std::uint64_t first, std::uint32_t filled, std::uint32_t) {
        if (filled == 1) {
            auto& word = memory_.slot(first).header;
            SlotHeader header = SlotHeader::decode(word.load(std::memory_order_relaxed));
            header.sequence = low(first + 1);
            word.store(header.encode(), std::memory_order_release);
        }
        tail_ = first + filled;
        memory_.header().tail.store(tail_, std::memory_order_release);
    }

  private:
    // Lines claimed at a time: half of a Zen 4's store queue.
    static constexpr std::uint32_t kClaimedLines = 32;

    SpscProducer(const RingMemory& memory, std::uint64_t tail, std::uint64_t head)
        : memory_(memory), tail_(tail), limit_(head + memory.capacity()) {}

    static void claim_line(const RingMemory& memory, std::uint64_t position) {
        const SlotHeader free{.sequence = low(position)};
        memory.slot(position).header.store(free.encode(), std::memory_order_relaxed);
    }

    // The next lines of a run of free slots, by one store each. Stores leave a core in order: with
    // the several stores of a whole message to each line, the store queue holds few lines, and few
    // transfers are under way at once. A run of one has nothing to overlap.
    static void claim_lines(const RingMemory& memory, std::uint64_t first, std::uint32_t count) {
        if (count == 1) return;
        for (std::uint32_t i = 0; i < std::min(count, kClaimedLines); ++i) {
            claim_line(memory, first + i);
        }
    }

    // Message `position`, in its slot, which is free.
    static void put(const RingMemory& memory, std::uint64_t position, const std::byte* payload,
                    SlotHeader header) {
        Slot& slot = memory.slot(position);
        copy_payload(slot.payload, payload);
        header.sequence = low(position + 1);
        slot.header.store(header.encode(), std::memory_order_release);
    }

    static std::uint32_t sequence_at(const RingMemory& memory, std::uint64_t position) {
        return low(memory.slot(position).header.load(std::memory_order_acquire));
    }

    [[nodiscard]] bool closed_by_receiver() const {
        return memory_.header().receivers_closed.load(std::memory_order_relaxed) != 0;
    }

    // At least one free slot, or why not.
    Result<void> find_space() {
        if (closed_by_receiver()) return Errno::PIPE;
        if (broken_) return Errno::PROTO;
        const std::uint64_t head = memory_.header().head.load(std::memory_order_acquire);
        const std::uint64_t used = tail_ - head;
        if (used > memory_.capacity()) {  // a head ahead of the tail, or more than a lap behind
            broken_ = true;
            limit_ = tail_;
            return Errno::PROTO;
        }
        limit_ = head + memory_.capacity();
        if (used == memory_.capacity()) return Errno::AGAIN;
        return {};
    }

    RingMemory memory_;
    std::uint64_t tail_;
    std::uint64_t limit_;  // the position that is known to be taken; tail_ when none is known free
    bool broken_ = false;
};

/// The receiving end; one thread at a time. All calls are bounded and never sleep.
class SpscConsumer {
  public:
    /// Continues at the published head: a message that a dead consumer had taken but not released
    /// comes again.
    static Result<SpscConsumer> attach(const RingMemory& memory) {
        if (memory.geometry().flavour != RingFlavour::kSpsc) return Errno::PROTO;
        return SpscConsumer(memory, memory.header().head.load(std::memory_order_acquire));
    }

    /// AGAIN: empty. NODATA: empty, and the sender closed. PROTO: broken by nonsense in shared
    /// memory, for good.
    Result<Message> try_receive() {
        Result<Message> message(std::in_place);
        const auto header = try_receive(message->payload);
        if (!header) return header.error();
        message->kind = header->kind;
        message->length = header->length;
        message->tag = header->tag;
        return message;
    }

    /// The same, with the payload in `payload`, kRingPayload writable bytes.
    Result<SlotHeader> try_receive(std::byte* payload) {
        const Slot& slot = memory_.slot(head_);
        auto header = SlotHeader::decode(slot.header.load(std::memory_order_acquire));
        if (header.sequence != low(head_ + 1)) [[unlikely]] {
            if (known_tail_ == head_) TRY(find_unannounced());
            header = SlotHeader::decode(slot.header.load(std::memory_order_relaxed));
            if (!published(header.sequence, head_)) return fail();
        }
        if (!check(header) || broken_) [[unlikely]]
            return fail();
        copy_payload(payload, slot.payload);
        if (known_tail_ == head_) ++known_tail_;
        ++head_;
        memory_.header().head.store(head_, std::memory_order_release);
        return header;
    }

    /// Takes up to `count` (not 0) messages, at least one, and returns how many: message i with its
    /// payload at `payloads` + i * kRingPayload and its header in `headers`[i]. Errors as
    /// try_receive(). Copies the last first: read upwards, the lines past the batch, which the
    /// producer is filling, are what the hardware prefetcher fetches next (docs/ring.md).
    Result<std::uint32_t> try_receive_all(std::byte* payloads, SlotHeader* headers,
                                          std::uint32_t count) {
        if (count == 0) return Errno::INVAL;
        if (known_tail_ == head_) TRY(find_messages());
        const auto taken =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(count, known_tail_ - head_));
        const RingMemory memory = memory_;
        const std::uint64_t first = head_;
        for (std::uint32_t i = taken; i-- > 0;) {
            const Slot& from = memory.slot(first + i);
            const auto header = SlotHeader::decode(from.header.load(std::memory_order_relaxed));
            if (!published(header.sequence, first + i) || !check(header)) [[unlikely]]
                return fail();
            headers[i] = header;
            copy_payload(payloads + std::size_t{i} * abi::kRingPayload, from.payload);
        }
        release(first, taken);
        return taken;
    }

    /// Up to `want` (not 0) messages, at least one. Errors as try_receive(). The head moves when
    /// they are released: until then there must be no other receiving call.
    Result<Acquisition<SpscConsumer>> try_acquire(std::uint32_t want) {
        if (want == 0) return Errno::INVAL;
        if (known_tail_ == head_) TRY(want == 1 ? find_message() : find_messages());
        const auto count = std::min<std::uint64_t>(want, known_tail_ - head_);
        return Acquisition<SpscConsumer>(*this, head_, static_cast<std::uint32_t>(count));
    }

    /// Takes no more: the producer gets PIPE.
    void close() { memory_.header().receivers_closed.store(1, std::memory_order_release); }

    [[nodiscard]] const RingMemory& memory() const { return memory_; }

    // For Acquisition.
    static bool published(std::uint32_t sequence, std::uint64_t position) {
        // What stands before `tail` is there, with its header saying so or, in a run that was
        // committed in place, not.
        return sequence - low(position) <= 1;
    }
    void release(std::uint64_t first, std::uint32_t count) {
        head_ = first + count;
        memory_.header().head.store(head_, std::memory_order_release);
    }
    Errno fail() {
        broken_ = true;
        known_tail_ = head_;
        return Errno::PROTO;
    }

  private:
    SpscConsumer(const RingMemory& memory, std::uint64_t head)
        : memory_(memory), head_(head), known_tail_(head) {}

    [[nodiscard]] std::uint32_t sequence_at(std::uint64_t position) const {
        return low(memory_.slot(position).header.load(std::memory_order_acquire));
    }

    // A batch of one comes as a single message does, in the transfer of its own line.
    Result<void> find_message() {
        if (sequence_at(head_) != low(head_ + 1) || broken_) return find_unannounced();
        known_tail_ = head_ + 1;
        return {};
    }

    // By `tail` alone: a look at the slot at head_ would take its line from the producer that is
    // filling it. `tail` may be behind head_, when try_receive() took a message whose sender has
    // not come to publish it yet. `closed` first: who has closed moves `tail` no more.
    Result<void> find_messages() {
        if (broken_) return Errno::PROTO;
        const bool closed = memory_.header().senders_closed.load(std::memory_order_acquire) != 0;
        const std::uint64_t tail = memory_.header().tail.load(std::memory_order_acquire);
        if (tail - head_ - 1 < memory_.capacity()) {
            known_tail_ = tail;
            return {};
        }
        if (head_ - tail > memory_.capacity()) return fail();
        return closed ? Errno::NODATA : Errno::AGAIN;
    }

    // The slot at head_ does not say that a message is there. It may be of a run that `tail`
    // publishes; else it holds what it had in the lap before (its header saying so or not), or its
    // own position (never used, or claimed).
    [[gnu::noinline]] Result<void> find_unannounced() {
        if (broken_) return Errno::PROTO;
        const bool closed = memory_.header().senders_closed.load(std::memory_order_acquire) != 0;
        const auto header =
            SlotHeader::decode(memory_.slot(head_).header.load(std::memory_order_acquire));
        if (header.sequence == low(head_ + 1)) return Errno::AGAIN;  // it came just now
        const bool reserved = header.sequence == low(head_);
        if (reserved && header.kind != SlotKind::kNone) return find_messages();
        if (!reserved && !published(header.sequence, head_ - memory_.capacity())) return fail();
        return closed ? Errno::NODATA : Errno::AGAIN;
    }

    RingMemory memory_;
    std::uint64_t head_;
    std::uint64_t known_tail_;  // not below head_; what stands before it is there
    bool broken_ = false;
};

}  // namespace exo::ring
