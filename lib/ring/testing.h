// What the ring's tests share: memory of exactly the right size, and messages that carry a number
// and can tell when they were damaged.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "lib/ring/layout.h"
#include "lib/ring/message.h"

namespace exo::ring {

using ExactMemory = std::unique_ptr<void, decltype(&std::free)>;

/// Aligned memory that ends after `size` bytes, so that a sanitizer sees every access beyond it.
inline ExactMemory allocate_exactly(std::size_t alignment, std::size_t size) {
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, size) != 0) std::abort();
    return {memory, &std::free};
}

/// A ring in memory of exactly bytes_for() bytes.
class TestRing {
  public:
    explicit TestRing(RingFlavour flavour, std::uint8_t log2_capacity, std::uint16_t endpoints = 0)
        : geometry_{flavour, log2_capacity, endpoints},
          size_(bytes_for(geometry_)),
          bytes_(allocate_exactly(abi::kRingLine, size_)) {
        const auto created = RingMemory::create(bytes_.get(), size_, geometry_);
        if (!created) std::abort();
    }

    [[nodiscard]] void* data() const { return bytes_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] RingMemory memory() const { return *RingMemory::attach(data(), size_); }

  private:
    RingGeometry geometry_;
    std::size_t size_;
    ExactMemory bytes_;
};

/// A message of full length, every word of which is made from `number`.
inline Message numbered(std::uint64_t number) {
    Message message{.length = abi::kRingPayload, .tag = 0, .payload = {}};
    for (std::size_t i = 0; i < abi::kRingPayload / 8; ++i) {
        const std::uint64_t word = number * 0x9e3779b97f4a7c15 + i;
        std::memcpy(message.payload + 8 * i, &word, 8);
    }
    std::memcpy(message.payload, &number, 8);
    return message;
}

/// The number; fails the test if any other byte does not belong to it.
inline std::uint64_t number_of(const std::byte* payload) {
    std::uint64_t number;
    std::memcpy(&number, payload, 8);
    const Message whole = numbered(number);
    EXPECT_EQ(std::memcmp(whole.payload, payload, abi::kRingPayload), 0) << "torn " << number;
    return number;
}
inline std::uint64_t number_of(const Message& message) {
    return number_of(message.payload);
}

/// try_send_all() and try_receive_all() of an empty ring: what they refuse, and runs of payloads
/// that come out whole, for many laps.
template <typename Producer, typename Consumer>
void expect_runs_at_once(Producer& producer, Consumer& consumer, std::uint64_t capacity) {
    std::array<std::byte, 3 * abi::kRingPayload> payloads;
    std::array<SlotHeader, 3> headers;
    const SlotHeader shared{.kind = SlotKind::kInline, .length = abi::kRingPayload, .tag = 9};
    EXPECT_EQ(producer.try_send_all(payloads.data(), 0, shared).error(), Errno::INVAL);
    EXPECT_EQ(producer.try_send_all(payloads.data(), 3, {.kind = SlotKind::kAbandoned}).error(),
              Errno::INVAL);
    EXPECT_EQ(consumer.try_receive_all(payloads.data(), headers.data(), 0).error(), Errno::INVAL);
    EXPECT_EQ(consumer.try_receive_all(payloads.data(), headers.data(), 3).error(), Errno::AGAIN);
    for (unsigned round = 0; round < 40; ++round) {
        for (std::size_t i = 0; i < payloads.size(); ++i)
            payloads[i] = static_cast<std::byte>(round + i / abi::kRingPayload);
        const auto sent = producer.try_send_all(payloads.data(), 3, shared);
        ASSERT_TRUE(sent);
        EXPECT_EQ(*sent, std::min<std::uint64_t>(3, capacity));
        payloads.fill(std::byte{0xff});
        const auto received = consumer.try_receive_all(payloads.data(), headers.data(), 3);
        ASSERT_TRUE(received);
        ASSERT_EQ(*received, *sent);
        for (std::uint32_t i = 0; i < *received; ++i) {
            EXPECT_EQ(headers[i].tag, 9);
            EXPECT_EQ(payloads[std::size_t{i} * abi::kRingPayload], std::byte(round + i));
            EXPECT_EQ(payloads[std::size_t{i + 1} * abi::kRingPayload - 1], std::byte(round + i));
        }
    }
}

}  // namespace exo::ring
