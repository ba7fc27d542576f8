// Peer death in MPMC rings: a producer or a consumer stops for ever before any of its steps, and a
// reaper finishes what it had begun. Nobody is wedged, nothing arrives twice, and only messages of
// the dead are lost.
#include <gtest/gtest.h>

#include <vector>

#include "lib/ring/mpmc.h"
#include "lib/ring/reap.h"
#include "tests/model/ring_fixture.h"

namespace exo::ring {
namespace {

using model::Mortality;
using model::OrderPart;
using model::Program;

constexpr std::uint8_t kTwoSlots = 1;
constexpr std::uint32_t kVictim = 7;
constexpr std::uint32_t kOther = 8;

struct Mortals : RingStorage {
    Mortals(const std::vector<std::uint32_t>& producer_owners,
            const std::vector<std::uint32_t>& consumer_owners)
        : RingStorage(RingFlavour::kMpmc, kTwoSlots,
                      static_cast<std::uint16_t>(producer_owners.size() + consumer_owners.size())) {
        for (const auto owner : producer_owners)
            producers.push_back(*MpmcProducer::attach(view, owner));
        for (const auto owner : consumer_owners)
            consumers.push_back(*MpmcConsumer::attach(view, owner));
    }
    std::vector<MpmcProducer> producers;
    std::vector<MpmcConsumer> consumers;
    Book book;
    unsigned sent[2] = {0, 0};  // messages whose send() returned
    ReapReport reaped;
};

void name_words(Program& program, const RingMemory& ring) {
    static constexpr const char* kOwners[] = {"owner 0", "owner 1", "owner 2", "owner 3"};
    static constexpr const char* kIntents[] = {"intent 0", "intent 1", "intent 2", "intent 3"};
    program.name(ring.header().tail, "tail");
    program.name(ring.header().head, "head");
    program.name(ring.slot(0).header, "slot 0");
    program.name(ring.slot(1).header, "slot 1");
    for (std::uint32_t i = 0; i < ring.endpoint_count(); ++i) {
        program.name(ring.endpoint(i).owner, kOwners[i]);
        program.name(ring.endpoint(i).intent, kIntents[i]);
    }
}

// Reaps the dead. AGAIN may come from what the reaper itself has to finish first, so it is called
// twice before waiting for others.
void reap(Mortals& ring) {
    Reaper reaper(ring.view);
    for (;;) {
        auto report = reaper.reap(kVictim);
        if (!report) report = reaper.reap(kVictim);
        if (report) {
            ring.reaped = *report;
            return;
        }
        EXO_MODEL_REQUIRE(report.error() == Errno::AGAIN, "reap failed");
        cpu_relax();
    }
}

void reap_after(Mortals& ring, model::ThreadId victim) {
    if (model::join(victim)) reap(ring);
}

// Every position that was claimed was given on once: as a message, or as abandoned by the dead.
// More would mean that a living owner's slot was given away.
void expect_each_claim_once(const Mortals& ring) {
    const std::uint64_t claims = ring.view.header().tail.load() & ~abi::kRingTailClosed;
    EXO_MODEL_REQUIRE(
        ring.book.count(0) + ring.book.count(1) + ring.reaped.abandoned + ring.reaped.lost ==
            claims,
        "a slot was given on twice, or is stuck");
}

void send_all(Mortals& ring, unsigned me, unsigned count) {
    for (unsigned i = 1; i <= count; ++i) {
        EXO_MODEL_REQUIRE(send(ring.producers[me], numbered(Book::number(me, i))), "send failed");
        ring.sent[me] = i;
    }
}

// Receives until the producers have closed.
void receive_all(Mortals& ring, unsigned me) {
    for (;;) {
        const auto message = receive(ring.consumers[me]);
        if (!message) {
            EXO_MODEL_REQUIRE(message.error() == Errno::NODATA, "receive failed");
            return;
        }
        ring.book.note(me, number_of(*message));
    }
}

EXO_MODEL_TEST(ReapModel, a_producer_dies_and_another_goes_on, .deaths = 1) {
    auto& ring = program.make<Mortals>(std::vector{kVictim, kOther}, std::vector{kOther});
    name_words(program, ring.view);
    const auto victim =
        program.thread("victim", [&ring] { send_all(ring, 0, 1); }, Mortality::kMayDie);
    program.thread("producer", [&ring, victim] {
        send_all(ring, 1, 1);
        reap_after(ring, victim);
        ring.producers[1].close();
    });
    program.thread("consumer", [&ring] { receive_all(ring, 0); });
    program.at_end([&ring] {
        EXO_MODEL_REQUIRE(ring.book.count(1) == 1, "a living producer's message was lost");
        EXO_MODEL_REQUIRE(ring.book.count(0) >= ring.sent[0], "a finished send was lost");
        expect_each_claim_once(ring);
    });
}

EXO_MODEL_TEST(ReapModel, a_consumer_dies_and_another_goes_on, .deaths = 1) {
    auto& ring = program.make<Mortals>(std::vector{kOther}, std::vector{kVictim, kOther});
    name_words(program, ring.view);
    program.thread("producer", [&ring] {
        send_all(ring, 0, 2);
        ring.producers[0].close();
    });
    const auto victim = program.thread(
        "victim",
        [&ring] {
            const auto message = receive(ring.consumers[0]);
            if (message) ring.book.note(0, number_of(*message));
        },
        Mortality::kMayDie);
    program.thread("consumer", [&ring, victim] {
        reap_after(ring, victim);
        receive_all(ring, 1);
    });
    program.at_end([&ring] {
        const auto lost = ring.view.header().lost.load();
        EXO_MODEL_REQUIRE(lost == ring.reaped.lost, "the ring counts as the reaper does");
        // The victim notes a message only after it has given the slot back.
        EXO_MODEL_REQUIRE(lost + ring.book.count(0) <= 2, "lost and delivered");
        EXO_MODEL_REQUIRE(ring.book.count(0) + 1 >= 2, "more than one message is gone");
    });
}

// Drains the ring from outside the run.
void drain(Mortals& ring) {
    for (;;) {
        const auto message = ring.consumers[0].try_receive();
        if (!message && message.error() == Errno::BUSY) continue;
        if (!message) break;
        ring.book.note(0, number_of(*message));
    }
}

// Fills the drained ring, then some: no slot is stuck.
void expect_usable(Mortals& ring, unsigned producer) {
    for (unsigned i = 2; i <= 3; ++i)
        EXO_MODEL_REQUIRE(ring.producers[producer].try_send(numbered(Book::number(producer, i))),
                          "a slot is stuck");
}

// The reaper is a third party while two producers race for a slot.
EXO_MODEL_TEST(ReapModel, a_bystander_reaps, .deaths = 1) {
    auto& ring = program.make<Mortals>(std::vector{kVictim, kOther}, std::vector{kOther});
    name_words(program, ring.view);
    const auto victim =
        program.thread("victim", [&ring] { send_all(ring, 0, 1); }, Mortality::kMayDie);
    program.thread("producer", [&ring] { send_all(ring, 1, 1); });
    program.thread("reaper", [&ring, victim] { reap_after(ring, victim); });
    program.at_end([&ring] {
        drain(ring);
        expect_each_claim_once(ring);
        expect_usable(ring, 1);
        EXO_MODEL_REQUIRE(ring.book.arrived[Book::number(1, 1)] == 1,
                          "a living producer's message was lost");
        EXO_MODEL_REQUIRE(ring.book.count(0) >= ring.sent[0], "a finished send was lost");
    });
}

// Two die, perhaps with intents for the same slot.
EXO_MODEL_TEST(ReapModel, two_producers_die, .deaths = 2) {
    auto& ring = program.make<Mortals>(std::vector{kVictim, kVictim, kOther}, std::vector{kOther});
    name_words(program, ring.view);
    const auto first =
        program.thread("first", [&ring] { send_all(ring, 0, 1); }, Mortality::kMayDie);
    const auto second =
        program.thread("second", [&ring] { send_all(ring, 1, 1); }, Mortality::kMayDie);
    program.thread("reaper", [&ring, first, second] {
        const bool first_died = model::join(first);
        if (model::join(second) && first_died) reap(ring);
    });
    program.at_end([&ring] {
        if (ring.reaped.endpoints != 2) return;
        drain(ring);
        expect_each_claim_once(ring);
        expect_usable(ring, 2);
    });
}

// The reaper dies at its work, and another begins again.
EXO_MODEL_TEST(ReapModel, a_reaper_dies, .deaths = 2) {
    auto& ring = program.make<Mortals>(std::vector{kVictim, kOther}, std::vector{kOther});
    name_words(program, ring.view);
    const auto victim =
        program.thread("victim", [&ring] { send_all(ring, 0, 1); }, Mortality::kMayDie);
    const auto first =
        program.thread("reaper", [&ring, victim] { reap_after(ring, victim); }, Mortality::kMayDie);
    program.thread("second", [&ring, victim, first] {
        const bool reaper_died = model::join(first);
        if (model::join(victim) && reaper_died) reap(ring);
    });
    program.at_end([&ring] {
        drain(ring);
        expect_usable(ring, 1);
        EXO_MODEL_REQUIRE(ring.book.count(0) >= ring.sent[0], "a finished send was lost");
    });
}

#if EXO_MODEL_MUTANTS
// (3) of mpmc.h: who acquires a cursor above a position sees its claimer's intent.
TEST(ReapOrders, are_needed) {
    model::expect_orders_needed("lib/ring/reap.h",
                                {{"given_on.encode()", OrderPart::kRelease},
                                 {"low(cursor.load(", OrderPart::kAcquire},
                                 {"decode(endpoint.intent.load(", OrderPart::kAcquire}});
    model::expect_orders_needed("lib/ring/mpmc.h",
                                {{"header.tail.compare_exchange_strong(", OrderPart::kRelease}});
}
#endif

}  // namespace
}  // namespace exo::ring
