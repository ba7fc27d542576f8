// Sleeping and waking: blocking senders and receivers over a modelled futex. A lost wake-up is a
// deadlock here: somebody sleeps and nobody is left to wake him.
#include <gtest/gtest.h>

#include <optional>

#include "lib/ring/blocking.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/spsc.h"
#include "tests/model/ring_fixture.h"

namespace exo::ring {
namespace {

using model::OrderPart;
using model::Program;

struct ModelPort {
    static void wait(Atomic<std::uint32_t>& word, std::uint32_t expected) {
        model::wait(word, expected);
    }
    static void wake_all(Atomic<std::uint32_t>& word) { model::wake(word, UINT32_MAX); }
};

constexpr std::uint8_t kTwoSlots = 1;
constexpr std::uint32_t kNoSpin = 0;  // a spinning side would only hide what sleeping does

void name_words(Program& program, const RingMemory& ring) {
    program.name(ring.header().tail, "tail");
    program.name(ring.header().head, "head");
    program.name(ring.slot(0).header, "slot 0");
    program.name(ring.slot(1).header, "slot 1");
}

struct SpscSleepers : RingStorage {
    SpscSleepers()
        : RingStorage(RingFlavour::kSpsc, kTwoSlots),
          sender(*SpscProducer::attach(view), Sleepers::kOne, kNoSpin),
          receiver(*SpscConsumer::attach(view), Sleepers::kOne, kNoSpin) {}
    BlockingSender<SpscProducer, ModelPort> sender;
    BlockingReceiver<SpscConsumer, ModelPort> receiver;
};

void spsc_blocking(Program& program, unsigned messages, bool close) {
    auto& ring = program.make<SpscSleepers>();
    name_words(program, ring.view);
    program.thread("sender", [&ring, messages, close] {
        for (unsigned i = 1; i <= messages; ++i)
            EXO_MODEL_REQUIRE(ring.sender.send(numbered(i)), "send failed");
        if (close) ring.sender.close();
    });
    program.thread("receiver", [&ring, messages, close] {
        for (unsigned i = 1; i <= messages; ++i) {
            const auto message = ring.receiver.receive();
            EXO_MODEL_REQUIRE(message && number_of(*message) == i, "receive failed");
        }
        if (close)
            EXO_MODEL_REQUIRE(ring.receiver.receive().error() == Errno::NODATA, "not closed");
    });
}

EXO_MODEL_TEST(EventCountModel, a_receiver_is_woken_for_every_message) {
    const unsigned messages = model::bound(1);
    spsc_blocking(program, messages, false);
}

EXO_MODEL_TEST(EventCountModel, a_sleeping_receiver_hears_the_close) {
    spsc_blocking(program, 0, true);
}

// More messages than slots: the sender sleeps as well.
EXO_MODEL_TEST(EventCountModel, both_sides_sleep_in_turn, .preemption_bound = 2) {
    spsc_blocking(program, model::bound(3), true);
}

// A box of tokens in the place of a ring: the least that can be waited for by many.
struct Box {
    Event event{};
    Atomic<std::uint32_t> tokens{0};

    Result<void> try_take() {
        std::uint32_t seen = tokens.load(std::memory_order_acquire);
        while (seen != 0)
            if (tokens.compare_exchange_strong(seen, seen - 1, std::memory_order_acq_rel,
                                               std::memory_order_acquire))
                return {};
        return Errno::AGAIN;
    }
};

// Two takers want one token each, and both are put in the box. Whoever is awake may take the token
// that the other was woken for.
EXO_MODEL_TEST(EventCountModel, two_sleepers_are_both_served) {
    auto& box = program.make<Box>();
    program.name(box.event.word, "event");
    program.name(box.tokens, "tokens");
    program.thread("giver", [&box] {
        EventCount<ModelPort> event(box.event, Sleepers::kMany);
        for (int i = 0; i < 2; ++i) {
            box.tokens.fetch_add(1, std::memory_order_release);
            event.notify();
        }
    });
    for (int i = 0; i < 2; ++i)
        program.thread("taker", [&box] {
            EventCount<ModelPort> event(box.event, Sleepers::kMany);
            for (;;) {
                const auto key = event.prepare_wait();
                if (box.try_take()) return event.cancel_wait(key);
                event.wait(key);
            }
        });
}

#if EXO_MODEL_MUTANTS
TEST(EventCountOrders, are_needed) {
    model::expect_orders_needed(
        "lib/ring/event_count.h",
        {{"full_fence()", OrderPart::kSeqCst}, {"word_->fetch_add(kEpoch, ", OrderPart::kRelease}});
}
#endif

}  // namespace
}  // namespace exo::ring
