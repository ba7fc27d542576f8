// What the model tests of the rings share: a ring of two or more slots in memory of its own,
// numbered messages, and the book of who got what.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/base/cpu.h"
#include "lib/base/model/checker.h"
#include "lib/ring/layout.h"
#include "lib/ring/message.h"
#include "tests/model/scenario.h"

namespace exo::ring {

inline constexpr unsigned kMaxMessages = 16;

struct RingStorage {
    RingStorage(RingFlavour flavour, std::uint8_t log2_capacity, std::uint16_t endpoints = 0)
        : view(*RingMemory::create(bytes.data(), bytes.size(),
                                   {flavour, log2_capacity, endpoints})) {}
    // Six lines of header, four endpoints, four slots.
    alignas(64) std::array<std::byte, 64 * 14> bytes;
    RingMemory view;
};

/// A message that says `number` at both ends of its payload.
inline Message numbered(std::uint32_t number) {
    std::array<std::uint32_t, abi::kRingPayload / 4> words;
    words.fill(number);
    return *Message::of(words.data(), sizeof words, static_cast<std::uint16_t>(number));
}

inline void write_number(std::byte* payload, std::uint32_t number) {
    EXO_RACE_CHECK_WRITE(payload, abi::kRingPayload);
    for (std::size_t at = 0; at < abi::kRingPayload; at += 4) std::memcpy(payload + at, &number, 4);
}

inline std::uint32_t read_number(const std::byte* payload) {
    EXO_RACE_CHECK_READ(payload, abi::kRingPayload);
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, payload, 4);
    std::memcpy(&last, payload + abi::kRingPayload - 4, 4);
    EXO_MODEL_REQUIRE(first == last, "a torn payload");
    return first;
}

inline std::uint32_t number_of(const Message& message) {
    const std::uint32_t number = read_number(message.payload);
    EXO_MODEL_REQUIRE(message.tag == number && message.length == abi::kRingPayload,
                      "a header that is not the payload's");
    return number;
}

/// How often each message arrived, and whether each receiver saw each sender's in order. Numbers
/// are sender * kMaxMessages + index, from index 1.
struct Book {
    static constexpr unsigned kParties = 3;
    std::array<std::uint8_t, kParties * kMaxMessages> arrived{};
    std::array<std::array<std::uint32_t, kParties>, kParties> last{};

    static std::uint32_t number(unsigned sender, unsigned index) {
        return sender * kMaxMessages + index;
    }
    void note(unsigned receiver, std::uint32_t number) {
        const unsigned sender = number / kMaxMessages;
        EXO_MODEL_REQUIRE(sender < kParties && number % kMaxMessages != 0, "a made-up message");
        EXO_MODEL_REQUIRE(++arrived[number] == 1, "a message arrived twice");
        EXO_MODEL_REQUIRE(last[receiver][sender] < number, "messages out of order");
        last[receiver][sender] = number;
    }
    [[nodiscard]] unsigned count(unsigned sender) const {
        unsigned sum = 0;
        for (unsigned i = 0; i < kMaxMessages; ++i) sum += arrived[sender * kMaxMessages + i];
        return sum;
    }
};

/// Calls `attempt` until it says something other than "not now" (AGAIN) or "not yet" (BUSY).
template <typename Attempt>
auto insist(Attempt attempt) -> decltype(attempt()) {
    for (;;) {
        model::begin_round();
        auto result = attempt();
        if (result.has_value()) return result;
        if (result.error() == Errno::BUSY) continue;  // others moved on meanwhile: look again
        if (result.error() != Errno::AGAIN) return result;
        cpu_relax();
    }
}

template <typename Producer>
Result<void> send(Producer& producer, const Message& message) {
    return insist([&] { return producer.try_send(message); });
}

template <typename Consumer>
Result<Message> receive(Consumer& consumer) {
    return insist([&] { return consumer.try_receive(); });
}

}  // namespace exo::ring
