// The MPMC and MPSC rings' real code in every interleaving and with every stale value that C++20
// allows.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "lib/ring/mpmc.h"
#include "lib/ring/mpsc.h"
#include "tests/model/ring_fixture.h"

namespace exo::ring {
namespace {

using model::OrderPart;
using model::Program;

constexpr std::uint8_t kTwoSlots = 1;

struct Shared : RingStorage {
    Shared(unsigned producer_count, unsigned consumer_count)
        : RingStorage(RingFlavour::kMpmc, kTwoSlots,
                      static_cast<std::uint16_t>(producer_count + consumer_count)) {
        for (unsigned i = 0; i < producer_count; ++i)
            producers.push_back(*MpmcProducer::attach(view, i));
        for (unsigned i = 0; i < consumer_count; ++i)
            consumers.push_back(*MpmcConsumer::attach(view, i));
    }
    std::vector<MpmcProducer> producers;
    std::vector<MpmcConsumer> consumers;
    Book book;
};

void name_words(Program& program, const RingMemory& ring) {
    program.name(ring.header().tail, "tail");
    program.name(ring.header().head, "head");
    program.name(ring.header().senders_closed, "senders_closed");
    program.name(ring.header().receivers_closed, "receivers_closed");
    program.name(ring.slot(0).header, "slot 0");
    program.name(ring.slot(1).header, "slot 1");
}

// `receives[i]` messages for consumer i, `sends[i]` from producer i; all of them arrive.
void exchange(Program& program, const std::vector<unsigned>& sends,
              const std::vector<unsigned>& receives) {
    auto& ring = program.make<Shared>(static_cast<unsigned>(sends.size()),
                                      static_cast<unsigned>(receives.size()));
    name_words(program, ring.view);
    for (unsigned me = 0; me < sends.size(); ++me)
        program.thread("producer", [&ring, me, count = sends[me]] {
            for (unsigned i = 1; i <= count; ++i)
                EXO_MODEL_REQUIRE(send(ring.producers[me], numbered(Book::number(me, i))), "send");
        });
    for (unsigned me = 0; me < receives.size(); ++me)
        program.thread("consumer", [&ring, me, count = receives[me]] {
            for (unsigned i = 1; i <= count; ++i) {
                const auto message = receive(ring.consumers[me]);
                EXO_MODEL_REQUIRE(message, "receive failed");
                ring.book.note(me, number_of(*message));
            }
        });
}

EXO_MODEL_TEST(MpmcModel, one_producer_one_consumer, .spin = model::Spin::kFirstTry) {
    exchange(program, {model::bound(4)}, {model::bound(4)});
}

EXO_MODEL_TEST(MpmcModel, two_producers_one_consumer, .spin = model::Spin::kFirstTry) {
    exchange(program, {model::bound(2), 1}, {model::bound(2) + 1});
}

EXO_MODEL_TEST(MpmcModel, one_producer_two_consumers, .spin = model::Spin::kFirstTry) {
    exchange(program, {model::bound(2) + 1}, {model::bound(2), 1});
}

EXO_MODEL_TEST(MpmcModel, two_producers_two_consumers, .spin = model::Spin::kFirstTry) {
    exchange(program, {model::bound(1), 1}, {model::bound(1), 1});
}

// The same without the assumption that a failed round has no effect.
EXO_MODEL_TEST(MpmcModel, failed_rounds_of_consumers_do_no_harm, .preemption_bound = 2) {
    exchange(program, {2}, {1, 1});
}

EXO_MODEL_TEST(MpmcModel, failed_rounds_of_producers_do_no_harm, .preemption_bound = 2) {
    exchange(program, {1, 1}, {2});
}

EXO_MODEL_TEST(MpmcModel, batches_are_claimed_filled_and_given_back_in_place,
               .spin = model::Spin::kFirstTry) {
    auto& ring = program.make<Shared>(2U, 1U);
    name_words(program, ring.view);
    program.thread("batches", [&ring] {
        auto batch = insist([&] { return ring.producers[0].try_reserve(2); });
        EXO_MODEL_REQUIRE(batch, "reserve failed");
        // One slot is filled; if there is a second, it is given up.
        write_number(*batch->append(abi::kRingPayload, 1), Book::number(0, 1));
        batch->commit();
    });
    program.thread("single", [&ring] {
        EXO_MODEL_REQUIRE(send(ring.producers[1], numbered(Book::number(1, 1))), "send");
    });
    program.thread("consumer", [&ring] {
        for (unsigned received = 0; received < 2;) {
            auto batch = insist([&] { return ring.consumers[0].try_acquire(2); });
            EXO_MODEL_REQUIRE(batch, "acquire failed");
            for (std::uint32_t i = 0; i < batch->size(); ++i) {
                const auto message = (*batch)[i];
                EXO_MODEL_REQUIRE(message, "a broken slot");
                if (message->kind == SlotKind::kAbandoned) continue;
                ring.book.note(0, read_number(message->payload));
                ++received;
            }
            batch->release();
        }
    });
}

EXO_MODEL_TEST(MpmcModel, runs_are_copied_in_and_out_at_once, .spin = model::Spin::kFirstTry) {
    auto& ring = program.make<Shared>(2U, 1U);
    name_words(program, ring.view);
    program.thread("runs", [&ring] {
        std::array<std::byte, 2 * abi::kRingPayload> payloads;
        write_number(payloads.data(), Book::number(0, 1));
        write_number(payloads.data() + abi::kRingPayload, Book::number(0, 2));
        const SlotHeader header{.kind = SlotKind::kInline, .length = abi::kRingPayload};
        const auto sent =
            insist([&] { return ring.producers[0].try_send_all(payloads.data(), 2, header); });
        EXO_MODEL_REQUIRE(sent, "send failed");
        if (*sent == 2) return;
        const auto rest = insist([&] {
            return ring.producers[0].try_send_all(payloads.data() + abi::kRingPayload, 1, header);
        });
        EXO_MODEL_REQUIRE(rest, "send failed");
    });
    program.thread("single", [&ring] {
        EXO_MODEL_REQUIRE(send(ring.producers[1], numbered(Book::number(1, 1))), "send");
    });
    program.thread("consumer", [&ring] {
        for (unsigned received = 0; received < 3;) {
            std::array<std::byte, 2 * abi::kRingPayload> payloads;
            std::array<SlotHeader, 2> headers;
            const auto got = insist([&] {
                return ring.consumers[0].try_receive_all(payloads.data(), headers.data(), 2);
            });
            EXO_MODEL_REQUIRE(got, "receive failed");
            for (std::uint32_t i = 0; i < *got; ++i, ++received)
                ring.book.note(0,
                               read_number(payloads.data() + std::size_t{i} * abi::kRingPayload));
        }
    });
}

// Every message that a send() accepted before or beside the close arrives; then the consumer is
// told.
EXO_MODEL_TEST(MpmcModel, a_close_loses_nothing_that_was_sent, .spin = model::Spin::kFirstTry) {
    auto& ring = program.make<Shared>(2U, 1U);
    auto& accepted = program.make<std::array<bool, 2>>();
    name_words(program, ring.view);
    program.thread("sender", [&ring, &accepted] {
        for (unsigned i = 1; i <= 2; ++i) {
            const auto sent = send(ring.producers[0], numbered(Book::number(0, i)));
            EXO_MODEL_REQUIRE(sent || sent.error() == Errno::PIPE, "send failed");
            accepted[i - 1] = sent.has_value();
        }
    });
    program.thread("closer", [&ring] {
        const auto sent = send(ring.producers[1], numbered(Book::number(1, 1)));
        EXO_MODEL_REQUIRE(sent, "send failed");
        ring.producers[1].close();
    });
    program.thread("consumer", [&ring] {
        for (;;) {
            const auto message = receive(ring.consumers[0]);
            if (!message) {
                EXO_MODEL_REQUIRE(message.error() == Errno::NODATA, "receive failed");
                return;
            }
            ring.book.note(0, number_of(*message));
        }
    });
    program.at_end([&ring, &accepted] {
        EXO_MODEL_REQUIRE(ring.book.count(1) == 1, "the closer's message");
        EXO_MODEL_REQUIRE(ring.book.count(0) == unsigned{accepted[0]} + unsigned{accepted[1]},
                          "accepted and lost, or refused and delivered");
    });
}

EXO_MODEL_TEST(MpmcModel, senders_learn_that_nobody_receives, .spin = model::Spin::kFirstTry) {
    auto& ring = program.make<Shared>(1U, 1U);
    name_words(program, ring.view);
    program.thread("producer", [&ring] {
        Result<void> sent;
        for (unsigned i = 1; sent; ++i)
            sent = send(ring.producers[0], numbered(Book::number(0, i)));
        EXO_MODEL_REQUIRE(sent.error() == Errno::PIPE, "not told");
    });
    program.thread("consumer", [&ring] {
        EXO_MODEL_REQUIRE(receive(ring.consumers[0]), "receive failed");
        ring.consumers[0].close();
    });
}

struct ManyToOne : RingStorage {
    ManyToOne()
        : RingStorage(RingFlavour::kMpsc, kTwoSlots, 2),
          producers{*MpmcProducer::attach(view, 0), *MpmcProducer::attach(view, 1)},
          consumer(*MpscConsumer::attach(view)) {}
    MpmcProducer producers[2];
    MpscConsumer consumer;
    Book book;
};

EXO_MODEL_TEST(MpscModel, two_producers_one_consumer, .spin = model::Spin::kFirstTry) {
    const unsigned messages = model::bound(2);

    auto& ring = program.make<ManyToOne>();
    name_words(program, ring.view);
    for (unsigned me = 0; me < 2; ++me)
        program.thread("producer", [&ring, me, messages] {
            for (unsigned i = 1; i <= (me == 0 ? messages : 1); ++i)
                EXO_MODEL_REQUIRE(send(ring.producers[me], numbered(Book::number(me, i))),
                                  "send failed");
        });
    program.thread("consumer", [&ring, messages] {
        for (unsigned i = 1; i <= messages + 1; ++i) {
            const auto message = receive(ring.consumer);
            EXO_MODEL_REQUIRE(message, "receive failed");
            ring.book.note(0, number_of(*message));
        }
    });
}

// The one consumer dies at any step; the next one attaches while producers are at work.
EXO_MODEL_TEST(MpscModel, a_successor_continues_after_the_consumers_death,
               .spin = model::Spin::kFirstTry, .deaths = 1) {
    auto& ring = program.make<ManyToOne>();
    name_words(program, ring.view);
    program.thread("producer", [&ring] {
        for (unsigned i = 1; i <= 3; ++i)
            EXO_MODEL_REQUIRE(send(ring.producers[0], numbered(i)), "send failed");
        ring.producers[0].close();
    });
    const auto first = program.thread(
        "first", [&ring] { EXO_MODEL_REQUIRE(receive(ring.consumer), "receive"); },
        model::Mortality::kMayDie);
    program.thread("successor", [&ring, first] {
        model::join(first);
        auto consumer = MpscConsumer::attach(ring.view);
        EXO_MODEL_REQUIRE(consumer, "the ring is broken after a death");
        for (;;) {
            const auto message = receive(*consumer);
            if (!message) {
                EXO_MODEL_REQUIRE(message.error() == Errno::NODATA, "receive failed");
                break;
            }
            ring.book.note(0, number_of(*message));
        }
        EXO_MODEL_REQUIRE(ring.book.arrived[2] == 1 && ring.book.arrived[3] == 1, "lost");
    });
}

#if EXO_MODEL_MUTANTS
TEST(MpmcOrders, are_needed) {
    model::expect_orders_needed("lib/ring/mpmc.h",
                                {{"slot.header.store(header.encode(), ", OrderPart::kRelease},
                                 {".header.store(free.encode(), ", OrderPart::kRelease},
                                 {"low(memory.slot(tail + count)", OrderPart::kAcquire},
                                 {"low(memory.slot(head + count)", OrderPart::kAcquire},
                                 {"low(memory_.slot(head).header.load(", OrderPart::kAcquire},
                                 {"header.head.compare_exchange_strong(", OrderPart::kRelease}});
    model::expect_orders_needed("lib/ring/mpsc.h",
                                {{"slot.header.load(", OrderPart::kAcquire},
                                 {".header.store(free.encode(), ", OrderPart::kRelease}});
}
#endif

}  // namespace
}  // namespace exo::ring
