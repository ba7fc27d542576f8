// Batches: a Reservation is a run of free slots that a producer fills in place and commits at once,
// an Acquisition a run of messages that a consumer reads in place and releases at once. Either may
// wrap round the end of the slots; neither outlives its endpoint nor moves to another thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "lib/base/panic.h"
#include "lib/ring/layout.h"
#include "lib/ring/message.h"

namespace exo::ring {

/// `Producer` provides memory(), and commit(first, filled, granted), which publishes the first
/// `filled` of `granted` slots and gives up the rest.
template <typename Producer>
class [[nodiscard]] Reservation {
  public:
    Reservation(Producer& producer, std::uint64_t first, std::uint32_t granted)
        : producer_(&producer), memory_(producer.memory()), first_(first), granted_(granted) {}
    Reservation(Reservation&& other) noexcept
        : producer_(std::exchange(other.producer_, nullptr)),
          memory_(other.memory_),
          first_(other.first_),
          granted_(other.granted_),
          filled_(other.filled_) {}
    Reservation& operator=(Reservation&&) = delete;
    /// What was not committed is given up: none of it is received.
    ~Reservation() {
        if (producer_ != nullptr) producer_->commit(first_, 0, granted_);
    }

    [[nodiscard]] std::uint32_t size() const { return granted_; }
    [[nodiscard]] std::uint32_t filled() const { return filled_; }

    /// Makes the next slot a message of `length` bytes and returns its payload, kRingPayload bytes
    /// to be written before commit(). INVAL for what no sender may send; NOBUFS past size().
    Result<std::byte*> append(std::uint8_t length, std::uint16_t tag = 0,
                              SlotKind kind = SlotKind::kInline) {
        if (!sendable(kind, length)) [[unlikely]]
            return Errno::INVAL;
        if (filled_ == granted_) [[unlikely]]
            return Errno::NOBUFS;
        return fill({.sequence = 0, .kind = kind, .length = length, .tag = tag}).payload;
    }

    /// Appends a copy of `message`; errors as append().
    Result<void> push(const Message& message) {
        if (!sendable(message.kind, message.length)) [[unlikely]]
            return Errno::INVAL;
        if (filled_ == granted_) [[unlikely]]
            return Errno::NOBUFS;
        copy_payload(
            fill(
                {.sequence = 0, .kind = message.kind, .length = message.length, .tag = message.tag})
                .payload,
            message.payload);
        return {};
    }

    /// Sends what was appended, in order; slots not filled are given up.
    void commit() {
        EXO_CHECK(producer_ != nullptr, "a reservation is committed twice");
        std::exchange(producer_, nullptr)->commit(first_, filled_, granted_);
    }

  private:
    // The sequence says "not there yet": commit() raises it, or publishes the run otherwise.
    Slot& fill(SlotHeader header) {
        const std::uint64_t position = first_ + filled_++;
        Slot& slot = memory_.slot(position);
        header.sequence = low(position);
        slot.header.store(header.encode(), std::memory_order_relaxed);
        return slot;
    }

    Producer* producer_;
    // A copy that nobody else has the address of: stores to slots do not make it reload.
    RingMemory memory_;
    std::uint64_t first_;
    std::uint32_t granted_;
    std::uint32_t filled_ = 0;
};

/// `Consumer` provides memory(), fail(), release(first, count), and published(sequence, position):
/// whether a message that it acquired may have that sequence.
template <typename Consumer>
class [[nodiscard]] Acquisition {
  public:
    Acquisition(Consumer& consumer, std::uint64_t first, std::uint32_t count)
        : consumer_(&consumer), memory_(consumer.memory()), first_(first), count_(count) {}
    Acquisition(Acquisition&& other) noexcept
        : consumer_(std::exchange(other.consumer_, nullptr)),
          memory_(other.memory_),
          first_(other.first_),
          count_(other.count_) {}
    Acquisition& operator=(Acquisition&&) = delete;
    ~Acquisition() {
        if (consumer_ != nullptr) consumer_->release(first_, count_);
    }

    [[nodiscard]] std::uint32_t size() const { return count_; }

    /// Message `index`, below size(). It may be kAbandoned: no message, to be skipped. PROTO if the
    /// slot holds what no sender writes; the consumer is broken from then on.
    Result<Incoming> operator[](std::uint32_t index) const {
        EXO_ASSERT(index < count_);
        const Slot& slot = memory_.slot(first_ + index);
        const auto header = SlotHeader::decode(slot.header.load(std::memory_order_relaxed));
        if (!Consumer::published(header.sequence, first_ + index) || !check(header)) [[unlikely]]
            return consumer_->fail();
        return Incoming{header.kind, header.length, header.tag, slot.payload};
    }

    /// Gives all slots back to the producers.
    void release() {
        EXO_CHECK(consumer_ != nullptr, "an acquisition is released twice");
        std::exchange(consumer_, nullptr)->release(first_, count_);
    }

  private:
    Consumer* consumer_;
    RingMemory memory_;  // a copy, as a Reservation's
    std::uint64_t first_;
    std::uint32_t count_;
};

}  // namespace exo::ring
