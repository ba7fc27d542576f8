// MPMC and MPSC rings: order, batches, closing, nonsense, and many threads at once.
#include "lib/ring/mpmc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "lib/ring/mpsc.h"
#include "lib/ring/testing.h"

namespace exo::ring {
namespace {

constexpr std::uint32_t kOwner = 42;

struct MpmcTest : testing::TestWithParam<std::uint8_t> {
    TestRing ring{RingFlavour::kMpmc, GetParam(), 8};
    MpmcProducer producer = *MpmcProducer::attach(ring.memory(), kOwner);
    MpmcConsumer consumer = *MpmcConsumer::attach(ring.memory(), kOwner);
    std::uint64_t capacity = ring.memory().capacity();

    Header& header() { return *static_cast<Header*>(ring.data()); }
};

TEST_P(MpmcTest, messages_arrive_whole_and_in_order) {
    auto second_producer = *MpmcProducer::attach(ring.memory(), kOwner);
    auto second_consumer = *MpmcConsumer::attach(ring.memory(), kOwner);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (unsigned lap = 0; lap < 5; ++lap) {
        while ((sent % 2 == 0 ? producer : second_producer).try_send(numbered(sent))) ++sent;
        EXPECT_EQ(sent - received, capacity);
        EXPECT_EQ(producer.try_send(numbered(sent)).error(), Errno::AGAIN);
        while (const auto message =
                   (received % 3 == 0 ? consumer : second_consumer).try_receive()) {
            EXPECT_EQ(number_of(*message), received++);
        }
        EXPECT_EQ(sent, received);
        EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
    }
}

TEST_P(MpmcTest, runs_of_payloads_are_sent_and_received_at_once) {
    std::array<std::byte, 3 * abi::kRingPayload> payloads;
    std::array<SlotHeader, 3> headers;
    expect_runs_at_once(producer, consumer, capacity);
    const std::uint64_t tail = header().tail.load();
    ASSERT_TRUE(producer.try_send(numbered(0)));
    ring.memory().slot(tail).header.store(
        SlotHeader{.sequence = low(tail + 1), .kind = static_cast<SlotKind>(200)}.encode());
    EXPECT_EQ(consumer.try_receive_all(payloads.data(), headers.data(), 3).error(), Errno::PROTO);
    EXPECT_EQ(consumer.try_receive().error(), Errno::PROTO);
    auto second = *MpmcConsumer::attach(ring.memory(), kOwner);
    ASSERT_TRUE(producer.try_send(numbered(2)));
    EXPECT_EQ(number_of(*second.try_receive()), 2U);
}

TEST_P(MpmcTest, batches_wrap_and_are_seen_only_when_committed) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (unsigned round = 0; round < 40; ++round) {
        auto batch = *producer.try_reserve(3);
        for (std::uint32_t i = 0; i < batch.size(); ++i) {
            ASSERT_TRUE(batch.push(numbered(sent + i)));
        }
        EXPECT_EQ(consumer.try_acquire(1).error(), Errno::AGAIN);
        sent += batch.size();
        batch.commit();
        auto got = *consumer.try_acquire(100);
        for (std::uint32_t i = 0; i < got.size(); ++i) {
            EXPECT_EQ(number_of((*got[i]).payload), received++);
        }
        got.release();
        EXPECT_EQ(received, sent);
    }
}

TEST_P(MpmcTest, slots_reserved_but_not_filled_are_skipped) {
    auto batch = *producer.try_reserve(2);
    ASSERT_TRUE(batch.push(numbered(7)));
    batch.commit();
    EXPECT_EQ(number_of(*consumer.try_receive()), 7U);
    EXPECT_EQ(consumer.try_receive().error(), Errno::BUSY);  // the skipped one
    EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
    {
        auto dropped = producer.try_reserve(1);
    }
    auto got = *consumer.try_acquire(1);
    EXPECT_EQ((*got[0]).kind, SlotKind::kAbandoned);
}

TEST_P(MpmcTest, a_later_message_waits_for_an_earlier_reservation) {
    auto second = *MpmcProducer::attach(ring.memory(), kOwner);
    auto batch = *producer.try_reserve(1);
    ASSERT_TRUE(second.try_send(numbered(2)));
    EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
    ASSERT_TRUE(batch.push(numbered(1)));
    batch.commit();
    EXPECT_EQ(number_of(*consumer.try_receive()), 1U);
    EXPECT_EQ(number_of(*consumer.try_receive()), 2U);
}

TEST_P(MpmcTest, close_ends_all_producers_and_lets_consumers_drain) {
    auto second = *MpmcProducer::attach(ring.memory(), kOwner);
    auto pending = *second.try_reserve(1);
    producer.close();
    EXPECT_EQ(producer.try_send(numbered(1)).error(), Errno::PIPE);
    EXPECT_EQ(second.try_send(numbered(1)).error(), Errno::PIPE);
    EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);  // claimed before the close
    ASSERT_TRUE(pending.push(numbered(3)));
    pending.commit();
    EXPECT_EQ(number_of(*consumer.try_receive()), 3U);
    EXPECT_EQ(consumer.try_receive().error(), Errno::NODATA);
}

TEST_P(MpmcTest, producers_learn_that_the_receivers_closed) {
    consumer.close();
    EXPECT_EQ(producer.try_send(numbered(1)).error(), Errno::PIPE);
}

TEST_P(MpmcTest, the_endpoint_table_is_finite_and_entries_come_back) {
    std::vector<MpmcProducer> producers;
    for (;;) {
        auto next = MpmcProducer::attach(ring.memory(), kOwner);
        if (!next) {
            EXPECT_EQ(next.error(), Errno::NOSPC);
            break;
        }
        producers.push_back(std::move(*next));
    }
    EXPECT_EQ(producers.size(), 6U);
    producers.pop_back();
    EXPECT_TRUE(MpmcConsumer::attach(ring.memory(), kOwner));
    const TestRing spsc(RingFlavour::kSpsc, 1);
    EXPECT_EQ(MpmcProducer::attach(spsc.memory(), 1).error(), Errno::PROTO);
    EXPECT_EQ(MpmcConsumer::attach(spsc.memory(), 1).error(), Errno::PROTO);
}

TEST_P(MpmcTest, nonsense_breaks_the_endpoint_for_good) {
    auto& word = ring.memory().slot(0).header;
    const std::uint64_t good = word.load();
    word.store(SlotHeader{.sequence = 77777}.encode());
    EXPECT_EQ(producer.try_send(numbered(1)).error(), Errno::PROTO);
    EXPECT_EQ(consumer.try_receive().error(), Errno::PROTO);
    word.store(good);
    EXPECT_EQ(producer.try_send(numbered(1)).error(), Errno::PROTO);
    EXPECT_EQ(consumer.try_receive().error(), Errno::PROTO);
}

TEST_P(MpmcTest, a_slot_that_no_sender_wrote_breaks_one_consumer_not_the_ring) {
    ASSERT_TRUE(producer.try_send(numbered(1)));
    ring.memory().slot(0).header.store(
        SlotHeader{.sequence = 1, .kind = static_cast<SlotKind>(200), .length = 255}.encode());
    EXPECT_EQ(consumer.try_receive().error(), Errno::PROTO);
    auto second = *MpmcConsumer::attach(ring.memory(), kOwner);
    ASSERT_TRUE(producer.try_send(numbered(2)));
    EXPECT_EQ(number_of(*second.try_receive()), 2U);
}

template <typename Send, typename Receive>
void crowd(const TestRing& ring, unsigned consumers, Send send, Receive receive) {
    constexpr unsigned kProducers = 3;
    constexpr std::uint64_t kEach = 4000;
    std::vector<std::atomic<unsigned>> seen(kProducers * kEach);
    std::atomic<std::uint64_t> received = 0;
    std::vector<std::thread> threads;
    threads.reserve(kProducers + consumers);
    for (unsigned id = 0; id < kProducers; ++id) {
        threads.emplace_back([&, id] {
            auto producer = *MpmcProducer::attach(ring.memory(), id);
            send(producer, id * kEach, (id + 1) * kEach);
        });
    }
    for (unsigned id = 0; id < consumers; ++id) {
        threads.emplace_back([&, id] {
            std::vector<std::uint64_t> last(kProducers, 0);
            const auto note = [&](std::uint64_t number) {
                ASSERT_LT(number, kProducers * kEach);
                seen[number].fetch_add(1);
                received.fetch_add(1);
                // What one consumer gets of one producer is in order.
                ASSERT_LE(last[number / kEach], number + 1);
                last[number / kEach] = number + 1;
            };
            receive(id, note, [&] { return received.load() == kProducers * kEach; });
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& count : seen) ASSERT_EQ(count.load(), 1U);
}

void send_mixed(MpmcProducer& producer, std::uint64_t number, std::uint64_t end) {
    while (number < end) {
        if (number % 3 == 0) {
            auto batch = producer.try_reserve(4);
            if (!batch) {
                std::this_thread::yield();
                continue;
            }
            // Sometimes gives a slot up.
            const std::uint32_t fill = batch->size() - (number % 2 == 0 && batch->size() > 1);
            while (number < end && batch->filled() < fill) {
                ASSERT_TRUE(batch->push(numbered(number++)));
            }
            batch->commit();
        } else if (producer.try_send(numbered(number))) {
            ++number;
        } else {
            std::this_thread::yield();
        }
    }
}

template <typename Consumer>
void receive_mixed(Consumer& consumer, auto note, auto done) {
    for (unsigned turn = 0; !done(); ++turn) {
        if (turn % 2 == 0) {
            auto batch = consumer.try_acquire(3);
            if (!batch) {
                std::this_thread::yield();
                continue;
            }
            for (std::uint32_t i = 0; i < batch->size(); ++i) {
                const auto incoming = *(*batch)[i];
                if (incoming.kind != SlotKind::kAbandoned) note(number_of(incoming.payload));
            }
        } else if (const auto message = consumer.try_receive()) {
            note(number_of(*message));
        } else {
            std::this_thread::yield();
        }
    }
}

TEST_P(MpmcTest, every_message_of_many_threads_arrives_once) {
    crowd(ring, 2, send_mixed, [&](unsigned id, auto note, auto done) {
        auto own = *MpmcConsumer::attach(ring.memory(), 100 + id);
        receive_mixed(own, note, done);
    });
}

TEST_P(MpmcTest, every_message_of_many_threads_reaches_a_single_consumer) {
    const TestRing mpsc(RingFlavour::kMpsc, GetParam(), 4);
    crowd(mpsc, 1, send_mixed, [&](unsigned, auto note, auto done) {
        auto own = *MpscConsumer::attach(mpsc.memory());
        receive_mixed(own, note, done);
    });
}

TEST(MpscTest, order_closing_and_a_new_consumer) {
    const TestRing ring(RingFlavour::kMpsc, 2, 2);
    auto producer = *MpmcProducer::attach(ring.memory(), kOwner);
    auto consumer = *MpscConsumer::attach(ring.memory());
    for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(producer.try_send(numbered(i)));
    EXPECT_EQ(number_of(*consumer.try_receive()), 0U);
    EXPECT_EQ(number_of(*consumer.try_receive()), 1U);
    ring.memory().header().head.store(0);  // as if it had died before publishing the head
    auto heir = *MpscConsumer::attach(ring.memory());
    EXPECT_EQ(number_of(*heir.try_receive()), 2U);
    producer.close();
    EXPECT_EQ(number_of(*heir.try_receive()), 3U);
    EXPECT_EQ(heir.try_receive().error(), Errno::NODATA);
    ring.memory().slot(4).header.store(SlotHeader{.sequence = 999}.encode());
    ring.memory().header().senders_closed.store(0);
    EXPECT_EQ(heir.try_receive().error(), Errno::PROTO);
    EXPECT_EQ(MpscConsumer::attach(TestRing(RingFlavour::kMpmc, 1, 1).memory()).error(),
              Errno::PROTO);
}

TEST(MpscTest, a_new_consumer_goes_on_although_slots_were_filled_again) {
    const TestRing ring(RingFlavour::kMpsc, 1, 2);
    auto producer = *MpmcProducer::attach(ring.memory(), kOwner);
    auto consumer = *MpscConsumer::attach(ring.memory());
    for (std::uint64_t i = 0; i < 2; ++i) ASSERT_TRUE(producer.try_send(numbered(i)));
    ASSERT_TRUE(consumer.try_receive());
    ASSERT_TRUE(producer.try_send(numbered(2)));
    ring.memory().header().head.store(0);  // as if it had died before publishing the head
    auto heir = *MpscConsumer::attach(ring.memory());
    EXPECT_EQ(number_of(*heir.try_receive()), 1U);
    EXPECT_EQ(number_of(*heir.try_receive()), 2U);
}

INSTANTIATE_TEST_SUITE_P(Capacities, MpmcTest, testing::Values(1, 2, 6));

}  // namespace
}  // namespace exo::ring
