#include "lib/ring/spsc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "lib/ring/channel.h"
#include "lib/ring/testing.h"

namespace exo::ring {
namespace {

struct SpscTest : testing::TestWithParam<std::uint8_t> {
    TestRing ring{RingFlavour::kSpsc, GetParam()};
    SpscProducer producer = *SpscProducer::attach(ring.memory());
    SpscConsumer consumer = *SpscConsumer::attach(ring.memory());
    std::uint64_t capacity = ring.memory().capacity();

    std::uint64_t tail_position() { return header().tail.load(); }
    std::uint64_t header_at(std::uint64_t position) {
        return ring.memory().slot(position).header.load();
    }
    void set_header(std::uint64_t position, std::uint64_t word) {
        ring.memory().slot(position).header.store(word);
    }
    Header& header() { return *static_cast<Header*>(ring.data()); }
};

TEST_P(SpscTest, messages_arrive_whole_and_in_order) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (unsigned lap = 0; lap < 5; ++lap) {
        while (producer.try_send(numbered(sent))) ++sent;
        EXPECT_EQ(sent - received, capacity);
        EXPECT_EQ(producer.try_send(numbered(sent)).error(), Errno::AGAIN);
        for (auto message = consumer.try_receive(); message; message = consumer.try_receive()) {
            EXPECT_EQ(number_of(*message), received++);
            EXPECT_EQ(message->length, abi::kRingPayload);
        }
        EXPECT_EQ(sent, received);
        EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
    }
}

// The sender has published a message, and not yet `tail`, when the receiver takes it.
TEST_P(SpscTest, a_batch_is_asked_for_while_tail_is_behind) {
    ASSERT_TRUE(producer.try_send(numbered(0)));
    header().tail.store(0, std::memory_order_relaxed);
    ASSERT_TRUE(consumer.try_receive());
    EXPECT_EQ(consumer.try_acquire(2).error(), Errno::AGAIN);
    header().tail.store(1, std::memory_order_relaxed);
    EXPECT_EQ(consumer.try_acquire(2).error(), Errno::AGAIN);
    ASSERT_TRUE(producer.try_send(numbered(1)));
    auto batch = consumer.try_acquire(2);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->size(), 1U);
}

TEST_P(SpscTest, runs_of_payloads_are_sent_and_received_at_once) {
    std::array<std::byte, 3 * abi::kRingPayload> payloads;
    std::array<SlotHeader, 3> headers;
    expect_runs_at_once(producer, consumer, capacity);
    ASSERT_TRUE(producer.try_send(numbered(0)));
    set_header(tail_position() - 1, header_at(tail_position() - 1) ^ 2);
    EXPECT_EQ(consumer.try_receive_all(payloads.data(), headers.data(), 3).error(), Errno::PROTO);
}

TEST_P(SpscTest, a_run_committed_in_place_is_received_one_by_one) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (unsigned round = 0; round < 40; ++round) {
        {
            auto given_up = *producer.try_reserve(2);
            ASSERT_TRUE(given_up.append(1, 77));
        }
        EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
        auto batch = *producer.try_reserve(3);
        for (std::uint32_t i = 0; i < batch.size(); ++i) ASSERT_TRUE(batch.push(numbered(sent++)));
        batch.commit();
        while (received < sent) {
            const auto message = consumer.try_receive();
            ASSERT_TRUE(message);
            EXPECT_EQ(message->tag, numbered(received).tag);
            EXPECT_EQ(number_of(*message), received++);
        }
        EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
    }
    ASSERT_TRUE(producer.try_send(numbered(sent)));
    ASSERT_TRUE(consumer.try_receive());
    producer.close();
    EXPECT_EQ(consumer.try_receive().error(), Errno::NODATA);
}

TEST_P(SpscTest, batches_wrap_and_are_seen_only_when_committed) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (unsigned round = 0; round < 40; ++round) {
        auto batch = *producer.try_reserve(3);
        for (std::uint32_t i = 0; i < batch.size(); ++i) {
            ASSERT_TRUE(batch.push(numbered(sent + i)));
        }
        EXPECT_EQ(batch.push(numbered(0)).error(), Errno::NOBUFS);
        EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
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

TEST_P(SpscTest, a_reservation_dropped_or_partly_filled_sends_only_what_was_committed) {
    {
        auto dropped = producer.try_reserve(2);
    }
    EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
    auto batch = *producer.try_reserve(2);
    ASSERT_TRUE(batch.push(numbered(7)));
    batch.commit();
    EXPECT_EQ(number_of(*consumer.try_receive()), 7U);
    EXPECT_EQ(consumer.try_receive().error(), Errno::AGAIN);
}

TEST_P(SpscTest, what_a_sender_may_not_send_is_refused) {
    Message message = numbered(0);
    message.length = 57;
    EXPECT_EQ(producer.try_send(message).error(), Errno::INVAL);
    message.length = 8;
    message.kind = SlotKind::kAbandoned;
    EXPECT_EQ(producer.try_send(message).error(), Errno::INVAL);
    EXPECT_EQ(producer.try_reserve(0).error(), Errno::INVAL);
    EXPECT_EQ(consumer.try_acquire(0).error(), Errno::INVAL);
    EXPECT_EQ(Message::of(nullptr, 57).error(), Errno::MSGSIZE);
}

TEST_P(SpscTest, the_receiver_drains_what_was_sent_before_close) {
    ASSERT_TRUE(producer.try_send(numbered(1)));
    producer.close();
    EXPECT_TRUE(consumer.try_receive());
    EXPECT_EQ(consumer.try_receive().error(), Errno::NODATA);
    EXPECT_EQ(consumer.try_acquire(1).error(), Errno::NODATA);
}

TEST_P(SpscTest, the_sender_learns_that_the_receiver_closed) {
    ASSERT_TRUE(producer.try_send(numbered(1)));
    consumer.close();
    EXPECT_EQ(producer.try_send(numbered(2)).error(), Errno::PIPE);
    EXPECT_EQ(producer.try_reserve(1).error(), Errno::PIPE);
}

TEST_P(SpscTest, new_endpoints_go_on_where_dead_ones_stopped) {
    ASSERT_TRUE(producer.try_send(numbered(1)));
    header().tail.store(0);  // as if it had died before publishing the tail
    auto heir = *SpscProducer::attach(ring.memory());
    ASSERT_TRUE(heir.try_send(numbered(2)));
    EXPECT_EQ(number_of(*consumer.try_receive()), 1U);
    auto next = *SpscConsumer::attach(ring.memory());
    EXPECT_EQ(number_of(*next.try_receive()), 2U);
}

TEST_P(SpscTest, a_new_producer_goes_on_although_the_consumer_is_ahead_of_the_published_tail) {
    ASSERT_TRUE(producer.try_send(numbered(1)));
    ASSERT_TRUE(producer.try_send(numbered(2)));
    header().tail.store(1);  // as if the producer had died before publishing the tail
    EXPECT_TRUE(consumer.try_receive());
    EXPECT_TRUE(consumer.try_receive());
    auto heir = *SpscProducer::attach(ring.memory());
    ASSERT_TRUE(heir.try_send(numbered(3)));
    EXPECT_EQ(number_of(*consumer.try_receive()), 3U);
}

TEST_P(SpscTest, nonsense_breaks_the_producer_for_good) {
    while (producer.try_send(numbered(0))) {
    }
    header().head.store(5 * capacity);
    EXPECT_EQ(producer.try_send(numbered(1)).error(), Errno::PROTO);
    header().head.store(capacity);
    EXPECT_EQ(producer.try_send(numbered(1)).error(), Errno::PROTO);
    EXPECT_EQ(producer.try_reserve(1).error(), Errno::PROTO);
    header().head.store(5 * capacity);
    EXPECT_EQ(SpscProducer::attach(ring.memory()).error(), Errno::PROTO);
}

TEST_P(SpscTest, nonsense_breaks_the_consumer_for_good) {
    const auto break_with = [&](SlotHeader nonsense) {
        TestRing other(RingFlavour::kSpsc, GetParam());
        auto sender = *SpscProducer::attach(other.memory());
        auto receiver = *SpscConsumer::attach(other.memory());
        EXPECT_TRUE(sender.try_send(numbered(0)));
        auto& word = other.memory().slot(0).header;
        const std::uint64_t good = word.load();
        word.store(nonsense.encode());
        EXPECT_EQ(receiver.try_receive().error(), Errno::PROTO);
        word.store(good);
        EXPECT_EQ(receiver.try_receive().error(), Errno::PROTO);
        EXPECT_EQ(receiver.try_acquire(1).error(), Errno::PROTO);
    };
    break_with({.sequence = 1, .kind = SlotKind::kInline, .length = 57});
    break_with({.sequence = 1, .kind = SlotKind::kNone, .length = 1});
    break_with({.sequence = 1, .kind = static_cast<SlotKind>(4), .length = 1});
    break_with({.sequence = 77777, .kind = SlotKind::kInline, .length = 1});
}

TEST_P(SpscTest, positions_wrap_around_32_bits) {
    const std::uint64_t start = 0xffffffff - 2;
    header().head.store(start);
    header().tail.store(start);
    for (std::uint64_t p = start; p < start + capacity; ++p) {
        ring.memory().slot(p).header.store(SlotHeader{.sequence = low(p)}.encode());
    }
    auto sender = *SpscProducer::attach(ring.memory());
    auto receiver = *SpscConsumer::attach(ring.memory());
    for (std::uint64_t i = 0; i < 3 * capacity + 5; ++i) {
        ASSERT_TRUE(sender.try_send(numbered(i)));
        EXPECT_EQ(number_of(*receiver.try_receive()), i);
        EXPECT_EQ(receiver.try_receive().error(), Errno::AGAIN);
    }
}

TEST_P(SpscTest, threads_stream_singles_and_batches) {
    constexpr std::uint64_t kMessages = 20000;
    std::thread sender([&] {
        for (std::uint64_t i = 0; i < kMessages;) {
            if (i % 3 == 0) {
                auto batch = producer.try_reserve(5);
                if (!batch) {
                    std::this_thread::yield();
                    continue;
                }
                while (i < kMessages && batch->filled() < batch->size()) {
                    ASSERT_TRUE(batch->push(numbered(i++)));
                }
                batch->commit();
            } else if (producer.try_send(numbered(i))) {
                ++i;
            } else {
                std::this_thread::yield();
            }
        }
        producer.close();
    });
    std::uint64_t expected = 0;
    for (;;) {
        if (expected % 2 == 0) {
            auto batch = consumer.try_acquire(7);
            if (!batch) {
                if (batch.error() == Errno::NODATA) break;
                std::this_thread::yield();
                continue;
            }
            for (std::uint32_t i = 0; i < batch->size(); ++i) {
                ASSERT_EQ(number_of((*(*batch)[i]).payload), expected++);
            }
        } else if (const auto message = consumer.try_receive()) {
            ASSERT_EQ(number_of(*message), expected++);
        } else if (message.error() == Errno::NODATA) {
            break;
        } else {
            std::this_thread::yield();
        }
    }
    sender.join();
    EXPECT_EQ(expected, kMessages);
}

TEST(Channel, requests_are_answered_in_order_whatever_the_patience_learns) {
    const TestRing there(RingFlavour::kSpsc, 3);
    const TestRing back(RingFlavour::kSpsc, 3);
    constexpr std::uint64_t kRequests = 5000;
    std::thread server([&] {
        Channel channel(*SpscProducer::attach(back.memory()),
                        *SpscConsumer::attach(there.memory()));
        for (std::uint64_t i = 0; i < kRequests;) {
            const auto request = channel.try_receive();
            if (!request) {
                std::this_thread::yield();
                continue;
            }
            ASSERT_EQ(number_of(*request), i++);
            while (!channel.try_send(*request)) std::this_thread::yield();
        }
    });
    Channel channel(*SpscProducer::attach(there.memory()), *SpscConsumer::attach(back.memory()));
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    while (answered < kRequests) {
        // Sometimes one request under way, sometimes as many as fit.
        const bool many = answered / 100 % 2 == 0;
        if (sent < kRequests && (many || sent == answered) && channel.try_send(numbered(sent))) {
            ++sent;
            continue;
        }
        if (const auto answer = channel.try_receive()) {
            ASSERT_EQ(number_of(*answer), answered++);
        } else {
            std::this_thread::yield();
        }
    }
    server.join();
}

INSTANTIATE_TEST_SUITE_P(Capacities, SpscTest, testing::Values(1, 2, 6));

}  // namespace
}  // namespace exo::ring
