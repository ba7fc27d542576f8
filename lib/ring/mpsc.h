// The receiving end of an MPSC ring; its sending ends are MpmcProducer. Alone at the head, it takes
// messages without a compare-and-swap and without an intent. Memory order: as mpmc.h, (1) and (2).
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/ring/batch.h"
#include "lib/ring/layout.h"
#include "lib/ring/message.h"

namespace exo::ring {

/// One thread at a time. All calls are bounded and never sleep.
class MpscConsumer {
  public:
    /// Continues where the last consumer stopped, dead or not; there must be no other. A message
    /// that a dead one had not given back comes again. PROTO: another flavour.
    static Result<MpscConsumer> attach(const RingMemory& memory) {
        if (memory.geometry().flavour != RingFlavour::kMpsc) return Errno::PROTO;
        std::uint64_t head = memory.header().head.load(std::memory_order_acquire);
        // It may have died between giving slots back and publishing `head`; producers may have
        // filled them again.
        for (std::uint64_t i = 0; i < memory.capacity(); ++i) {
            const auto next_lap = low(head + memory.capacity());
            const auto sequence = low(memory.slot(head).header.load(std::memory_order_acquire));
            if (sequence != next_lap && sequence != next_lap + 1) break;
            ++head;
        }
        return MpscConsumer(memory, head);
    }

    /// AGAIN: no message, or the next one is still being written. BUSY: an abandoned slot was
    /// skipped, call again. NODATA: drained, and closed by a sender. PROTO: broken by nonsense in
    /// shared memory, for good.
    Result<Message> try_receive() {
        Slot& slot = memory_.slot(head_);
        const auto header = SlotHeader::decode(slot.header.load(std::memory_order_acquire));
        if (header.sequence != low(head_ + 1)) return why_empty();
        if (!check(header) || broken_) [[unlikely]]
            return fail();
        if (header.kind == SlotKind::kAbandoned) [[unlikely]] {
            release(head_, 1);
            return Errno::BUSY;
        }
        Result<Message> message(std::in_place);
        message->kind = header.kind;
        message->length = header.length;
        message->tag = header.tag;
        copy_payload(message->payload, slot.payload);
        release(head_, 1);
        return message;
    }

    /// Up to `want` (not 0) messages in a row, at least one, some of which may be kAbandoned.
    /// Errors as try_receive(). Until they are released there must be no other receiving call.
    Result<Acquisition<MpscConsumer>> try_acquire(std::uint32_t want) {
        if (want == 0) return Errno::INVAL;
        if (broken_) [[unlikely]]
            return Errno::PROTO;
        const auto limit = std::min<std::uint64_t>(want, memory_.capacity());
        std::uint64_t position = head_;
        while (position != head_ + limit && sequence_at(position) == low(position + 1)) ++position;
        if (position == head_) return why_empty();
        return Acquisition<MpscConsumer>(*this, head_,
                                         static_cast<std::uint32_t>(position - head_));
    }

    /// Takes no more: producers get PIPE.
    void close() { memory_.header().receivers_closed.store(1, std::memory_order_release); }

    [[nodiscard]] const RingMemory& memory() const { return memory_; }

    // For Acquisition.
    static bool published(std::uint32_t sequence, std::uint64_t position) {
        return sequence == low(position + 1);
    }
    void release(std::uint64_t first, std::uint32_t count) {
        for (std::uint64_t position = first; position != first + count; ++position) {
            const SlotHeader free{.sequence = low(position + memory_.capacity())};
            memory_.slot(position).header.store(free.encode(), std::memory_order_release);
        }
        head_ = first + count;
        memory_.header().head.store(head_, std::memory_order_release);
    }
    Errno fail() {
        broken_ = true;
        return Errno::PROTO;
    }

  private:
    MpscConsumer(const RingMemory& memory, std::uint64_t head) : memory_(memory), head_(head) {}

    [[nodiscard]] std::uint32_t sequence_at(std::uint64_t position) const {
        return low(memory_.slot(position).header.load(std::memory_order_acquire));
    }

    // No message at head_: the slot can only be free, or being filled, for this very position.
    [[gnu::noinline]] Errno why_empty() {
        if (broken_) return Errno::PROTO;
        auto& header = memory_.header();
        if (header.senders_closed.load(std::memory_order_acquire) != 0 &&
            header.tail.load(std::memory_order_acquire) == (head_ | abi::kRingTailClosed)) {
            return Errno::NODATA;
        }
        const std::uint32_t sequence = sequence_at(head_);
        if (sequence == low(head_) || sequence == low(head_ + 1)) return Errno::AGAIN;
        return fail();
    }

    RingMemory memory_;
    std::uint64_t head_;
    bool broken_ = false;
};

}  // namespace exo::ring
