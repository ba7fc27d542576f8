// The SPSC ring's real code in every interleaving and with every stale value that C++20 allows.
#include <gtest/gtest.h>

#include <array>

#include "lib/ring/spsc.h"
#include "tests/model/ring_fixture.h"

namespace exo::ring {
namespace {

using model::OrderPart;
using model::Program;

constexpr std::uint8_t kTwoSlots = 1;

struct Pair : RingStorage {
    Pair()
        : RingStorage(RingFlavour::kSpsc, kTwoSlots),
          producer(*SpscProducer::attach(view)),
          consumer(*SpscConsumer::attach(view)) {}
    SpscProducer producer;
    SpscConsumer consumer;
};

void name_words(Program& program, const RingMemory& ring) {
    program.name(ring.header().tail, "tail");
    program.name(ring.header().head, "head");
    program.name(ring.header().senders_closed, "senders_closed");
    program.name(ring.header().receivers_closed, "receivers_closed");
    program.name(ring.slot(0).header, "slot 0");
    program.name(ring.slot(1).header, "slot 1");
}

void stream(Program& program, unsigned messages) {
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i)
            EXO_MODEL_REQUIRE(send(ring.producer, numbered(i)), "send failed");
    });
    program.thread("consumer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i) {
            const auto message = receive(ring.consumer);
            EXO_MODEL_REQUIRE(message, "receive failed");
            EXO_MODEL_REQUIRE(number_of(*message) == i, "lost, doubled or out of order");
        }
    });
}

EXO_MODEL_TEST(SpscModel, each_message_arrives_once_whole_and_in_order,
               .spin = model::Spin::kFirstTry) {
    stream(program, model::bound(5));
}

// The same without the assumption that a failed round has no effect.
EXO_MODEL_TEST(SpscModel, failed_rounds_do_no_harm) {
    stream(program, model::bound(3));
}

void send_batches(Pair& ring, unsigned messages) {
    for (unsigned next = 1; next <= messages;) {
        auto batch = insist([&] { return ring.producer.try_reserve(messages + 1 - next); });
        EXO_MODEL_REQUIRE(batch, "reserve failed");
        for (std::uint32_t i = 0; i < batch->size(); ++i)
            write_number(*batch->append(abi::kRingPayload), next++);
        batch->commit();
    }
}

void receive_batches(Pair& ring, unsigned messages, std::uint32_t most) {
    for (unsigned next = 1; next <= messages;) {
        auto batch = insist([&] { return ring.consumer.try_acquire(most); });
        EXO_MODEL_REQUIRE(batch, "acquire failed");
        for (std::uint32_t i = 0; i < batch->size(); ++i) {
            const auto message = (*batch)[i];
            EXO_MODEL_REQUIRE(message, "a broken slot");
            EXO_MODEL_REQUIRE(read_number(message->payload) == next++, "out of order");
        }
        batch->release();
    }
}

EXO_MODEL_TEST(SpscModel, batches_are_filled_and_read_in_place, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(4);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] { send_batches(ring, messages); });
    program.thread("consumer", [&ring, messages] { receive_batches(ring, messages, 2); });
}

EXO_MODEL_TEST(SpscModel, runs_are_copied_in_and_out_at_once, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(4);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        for (unsigned next = 1; next <= messages;) {
            std::array<std::byte, 2 * abi::kRingPayload> payloads;
            write_number(payloads.data(), next);
            write_number(payloads.data() + abi::kRingPayload, next + 1);
            const auto sent = insist([&] {
                return ring.producer.try_send_all(
                    payloads.data(), next < messages ? 2 : 1,
                    {.kind = SlotKind::kInline, .length = abi::kRingPayload});
            });
            EXO_MODEL_REQUIRE(sent, "send failed");
            next += *sent;
        }
    });
    program.thread("consumer", [&ring, messages] {
        for (unsigned next = 1; next <= messages;) {
            std::array<std::byte, 2 * abi::kRingPayload> payloads;
            std::array<SlotHeader, 2> headers;
            const auto received = insist(
                [&] { return ring.consumer.try_receive_all(payloads.data(), headers.data(), 2); });
            EXO_MODEL_REQUIRE(received, "receive failed");
            for (std::uint32_t i = 0; i < *received; ++i) {
                EXO_MODEL_REQUIRE(
                    read_number(payloads.data() + std::size_t{i} * abi::kRingPayload) == next++,
                    "out of order");
            }
        }
    });
}

EXO_MODEL_TEST(SpscModel, batches_are_received_one_by_one, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(4);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] { send_batches(ring, messages); });
    program.thread("consumer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i) {
            const auto message = receive(ring.consumer);
            EXO_MODEL_REQUIRE(message && read_number(message->payload) == i, "out of order");
        }
    });
}

// The header of a reservation given up may be what a consumer sees first.
EXO_MODEL_TEST(SpscModel, a_given_up_reservation_is_never_received,
               .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(2);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        {
            auto given_up = insist([&] { return ring.producer.try_reserve(1); });
            EXO_MODEL_REQUIRE(given_up, "reserve failed");
            write_number(*given_up->append(8, 99), 99);
        }
        send_batches(ring, messages);
        ring.producer.close();
    });
    program.thread("consumer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i) {
            const auto message = receive(ring.consumer);
            EXO_MODEL_REQUIRE(message && message->tag == 0, "given up, or lost");
            EXO_MODEL_REQUIRE(read_number(message->payload) == i, "out of order");
        }
        EXO_MODEL_REQUIRE(receive(ring.consumer).error() == Errno::NODATA, "not closed");
    });
}

EXO_MODEL_TEST(SpscModel, single_messages_are_received_in_batches, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(4);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i)
            EXO_MODEL_REQUIRE(send(ring.producer, numbered(i)), "send failed");
    });
    program.thread("consumer", [&ring, messages] { receive_batches(ring, messages, 2); });
}

EXO_MODEL_TEST(SpscModel, who_closes_is_heard_after_the_last_message,
               .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(3);

    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i)
            EXO_MODEL_REQUIRE(send(ring.producer, numbered(i)), "send failed");
        ring.producer.close();
    });
    program.thread("consumer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i) {
            const auto message = receive(ring.consumer);
            EXO_MODEL_REQUIRE(message && number_of(*message) == i, "closed too early");
        }
        EXO_MODEL_REQUIRE(receive(ring.consumer).error() == Errno::NODATA, "not closed");
    });
}

EXO_MODEL_TEST(SpscModel, batches_are_read_in_place_one_by_one, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(4);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] { send_batches(ring, messages); });
    program.thread("consumer", [&ring, messages] { receive_batches(ring, messages, 1); });
}

// Batches look at `tail`, which a message that came singly may not have moved yet.
EXO_MODEL_TEST(SpscModel, one_message_then_batches_until_closed, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(3);
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i)
            EXO_MODEL_REQUIRE(send(ring.producer, numbered(i)), "send failed");
        ring.producer.close();
    });
    program.thread("consumer", [&ring, messages] {
        const auto first = receive(ring.consumer);
        EXO_MODEL_REQUIRE(first && number_of(*first) == 1, "the first message");
        unsigned next = 2;
        for (;;) {
            auto batch = insist([&] { return ring.consumer.try_acquire(2); });
            if (!batch) {
                EXO_MODEL_REQUIRE(batch.error() == Errno::NODATA, "acquire failed");
                break;
            }
            for (std::uint32_t i = 0; i < batch->size(); ++i) {
                const auto message = (*batch)[i];
                EXO_MODEL_REQUIRE(message && read_number(message->payload) == next++, "order");
            }
            batch->release();
        }
        EXO_MODEL_REQUIRE(next == messages + 1, "closed too early");
    });
}

EXO_MODEL_TEST(SpscModel, a_sender_learns_that_nobody_receives) {
    auto& ring = program.make<Pair>();
    name_words(program, ring.view);
    program.thread("producer", [&ring] {
        Result<void> sent;
        for (unsigned i = 1; sent; ++i) sent = send(ring.producer, numbered(i));
        EXO_MODEL_REQUIRE(sent.error() == Errno::PIPE, "not told");
    });
    program.thread("consumer", [&ring] {
        const auto first = receive(ring.consumer);
        EXO_MODEL_REQUIRE(first && number_of(*first) == 1, "the first message");
        ring.consumer.close();
    });
}

// After the first sender's end or death: goes on with a message of its own, then closes.
void succeed(Pair& ring, model::ThreadId first) {
    model::join(first);
    auto producer = SpscProducer::attach(ring.view);
    EXO_MODEL_REQUIRE(producer, "the ring is broken after a death");
    EXO_MODEL_REQUIRE(send(*producer, numbered(Book::number(1, 1))), "send failed");
    producer->close();
}

// Notes all messages until the ring is closed; the successor's must be there.
void take_all(Pair& ring, Book& book, std::uint32_t (*number)(const Message& message)) {
    for (;;) {
        const auto message = receive(ring.consumer);
        if (!message) {
            EXO_MODEL_REQUIRE(message.error() == Errno::NODATA, "receive failed");
            break;
        }
        book.note(0, number(*message));
    }
    EXO_MODEL_REQUIRE(book.arrived[Book::number(1, 1)] == 1, "the successor's was lost");
}

// The producer dies at any step; its successor attaches and sends the rest. A message whose send()
// did not return may or may not have gone out, so the successor's begin with a number of their own.
EXO_MODEL_TEST(SpscModel, a_successor_continues_after_the_producers_death,
               .spin = model::Spin::kFirstTry, .deaths = 1) {
    auto& ring = program.make<Pair>();
    auto& book = program.make<Book>();
    name_words(program, ring.view);
    const auto first = program.thread(
        "first",
        [&ring] {
            for (unsigned i = 1; i <= 2; ++i)
                EXO_MODEL_REQUIRE(send(ring.producer, numbered(Book::number(0, i))), "send");
        },
        model::Mortality::kMayDie);
    program.thread("successor", [&ring, first] { succeed(ring, first); });
    program.thread("consumer", [&ring, &book] {
        take_all(ring, book, [](const Message& message) { return number_of(message); });
        EXO_MODEL_REQUIRE(book.arrived[1] >= book.arrived[2], "a gap");
    });
}

// A run in place comes whole or, if its sender died before it was published, not at all.
EXO_MODEL_TEST(SpscModel, a_run_outlives_its_sender_or_never_was, .spin = model::Spin::kFirstTry,
               .deaths = 1) {
    auto& ring = program.make<Pair>();
    auto& book = program.make<Book>();
    name_words(program, ring.view);
    const auto first = program.thread(
        "first",
        [&ring] {
            auto batch = ring.producer.try_reserve(2);
            EXO_MODEL_REQUIRE(batch && batch->size() == 2, "reserve failed");
            for (unsigned i = 1; i <= 2; ++i)
                write_number(*batch->append(abi::kRingPayload), Book::number(0, i));
            batch->commit();
        },
        model::Mortality::kMayDie);
    program.thread("successor", [&ring, first] { succeed(ring, first); });
    program.thread("consumer", [&ring, &book] {
        take_all(ring, book, [](const Message& message) { return read_number(message.payload); });
        EXO_MODEL_REQUIRE(book.arrived[1] == book.arrived[2], "half a run");
    });
}

// The consumer dies at any step; its successor goes on where the dead one had not released.
EXO_MODEL_TEST(SpscModel, a_successor_continues_after_the_consumers_death,
               .spin = model::Spin::kFirstTry, .deaths = 1) {
    const unsigned messages = model::bound(3);

    auto& ring = program.make<Pair>();
    auto& next = program.make<std::uint32_t>(1);  // what must come next, or the one before
    name_words(program, ring.view);
    program.thread("producer", [&ring, messages] {
        for (unsigned i = 1; i <= messages; ++i)
            EXO_MODEL_REQUIRE(send(ring.producer, numbered(i)), "send failed");
    });
    const auto first = program.thread(
        "first",
        [&ring, &next] {
            for (unsigned i = 1; i <= 2; ++i) {
                const auto message = receive(ring.consumer);
                EXO_MODEL_REQUIRE(message && number_of(*message) == i, "receive");
                next = i + 1;
            }
        },
        model::Mortality::kMayDie);
    program.thread("successor", [&ring, &next, messages, first] {
        const bool died = model::join(first);
        auto consumer = SpscConsumer::attach(ring.view);
        EXO_MODEL_REQUIRE(consumer, "the ring is broken after a death");
        std::uint32_t expected = 0;
        for (unsigned i = next; i <= messages; i = expected + 1) {
            const auto message = receive(*consumer);
            EXO_MODEL_REQUIRE(message, "receive failed");
            const std::uint32_t number = number_of(*message);
            // What the dead one took may have been released before it could say so.
            if (expected == 0)
                EXO_MODEL_REQUIRE(number == next || (died && number == next + 1), "the first");
            else
                EXO_MODEL_REQUIRE(number == expected + 1, "a gap");
            expected = number;
        }
    });
}

#if EXO_MODEL_MUTANTS
TEST(SpscOrders, are_needed) {
    model::expect_orders_needed(
        "lib/ring/spsc.h", {{"slot.header.store(header.encode(), ", OrderPart::kRelease},
                            {"word.store(header.encode(), ", OrderPart::kRelease},
                            {"slot.header.load(", OrderPart::kAcquire},
                            {"header().head.store(head_, ", OrderPart::kRelease},
                            {"std::uint64_t head = ", OrderPart::kAcquire},
                            {"senders_closed.store(1, ", OrderPart::kRelease},
                            {"closed = memory_.header().senders_closed.load(", OrderPart::kAcquire},
                            {"header().tail.store(tail_, ", OrderPart::kRelease},
                            {"tail = memory_.header().tail.load(", OrderPart::kAcquire}});
}
#endif

}  // namespace
}  // namespace exo::ring
