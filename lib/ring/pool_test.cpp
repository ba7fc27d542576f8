#include "lib/ring/pool.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "lib/ring/channel.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/spsc.h"
#include "lib/ring/testing.h"

namespace exo::ring {
namespace {

constexpr PoolGeometry kGeometry{.count = 70, .log2_buffer = 12};
constexpr std::uint32_t kAlice = 1;
constexpr std::uint32_t kBob = 2;

struct PoolTest : testing::Test {
    std::size_t size = *pool_bytes(kGeometry);
    ExactMemory memory = allocate_exactly(abi::kPoolPage, size);
    Result<void> made = Pool::create(memory.get(), size, kGeometry);
    Pool alice = *Pool::attach(memory.get(), size, kAlice);
    Pool bob = *Pool::attach(memory.get(), size, kBob);
    TestRing ring{RingFlavour::kSpsc, 3};
    SpscProducer producer = *SpscProducer::attach(ring.memory());
    SpscConsumer consumer = *SpscConsumer::attach(ring.memory());

    std::vector<Buffer> drain(Pool& pool) {
        std::vector<Buffer> all;
        for (;;) {
            auto buffer = pool.allocate();
            if (!buffer) return all;
            all.push_back(std::move(*buffer));
        }
    }

    Result<Buffer> receive(Pool& pool) {
        auto slots = TRY(consumer.try_acquire(1));
        const auto incoming = TRY(slots[0]);
        return pool.take(incoming);
    }
};

TEST_F(PoolTest, a_buffer_goes_through_a_channel_and_back) {
    const TestRing answers{RingFlavour::kSpsc, 3};
    Channel client(producer, *SpscConsumer::attach(answers.memory()));
    Channel server(*SpscProducer::attach(answers.memory()), consumer);
    for (unsigned trip = 0; trip < 100; ++trip) {
        auto buffer = *alice.allocate();
        buffer.bytes()[0] = static_cast<std::byte>(trip);
        ASSERT_TRUE(client.try_send(alice, buffer, 0, 1));
        auto request = *server.try_acquire(1);
        auto there = *bob.take(*request[0]);
        request.release();
        EXPECT_EQ(there.bytes()[0], static_cast<std::byte>(trip));
        ASSERT_TRUE(server.try_send(bob, there, 0, 1));
        auto answer = *client.try_acquire(1);
        const auto back = *alice.take(*answer[0]);
        answer.release();
        EXPECT_EQ(back.bytes()[0], static_cast<std::byte>(trip));
        EXPECT_EQ(client.try_acquire(1).error(), Errno::AGAIN);
    }
}

TEST_F(PoolTest, all_buffers_can_be_had_once_and_come_back) {
    for (unsigned round = 0; round < 3; ++round) {
        auto all = drain(alice);
        EXPECT_EQ(all.size(), kGeometry.count);
        EXPECT_EQ(bob.allocate().error(), Errno::NOBUFS);
        for (std::size_t i = 0; i < all.size(); ++i) {
            EXPECT_EQ(all[i].bytes().size(), 4096U);
            std::memset(all[i].bytes().data(), static_cast<int>(i), 4096);
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            EXPECT_EQ(all[i].bytes()[4095], static_cast<std::byte>(i));
        }
    }
}

TEST_F(PoolTest, a_sent_buffer_is_the_receivers_and_was_not_copied) {
    auto buffer = *alice.allocate();
    std::byte* const where = buffer.bytes().data();
    std::memset(where, 0x5a, 4096);
    ASSERT_TRUE(alice.try_send(producer, buffer, 16, 4000));
    auto received = *receive(bob);
    EXPECT_EQ(received.bytes().data(), where + 16);
    EXPECT_EQ(received.bytes().size(), 4000U);
    EXPECT_EQ(received.bytes()[3999], std::byte{0x5a});
    EXPECT_EQ(alice.try_send(producer, buffer, 0, 1).error(), Errno::INVAL);
}

TEST_F(PoolTest, a_buffer_stays_with_its_owner_when_the_ring_is_full) {
    while (producer.try_send(numbered(0))) {
    }
    auto buffer = *alice.allocate();
    EXPECT_EQ(alice.try_send(producer, buffer, 0, 1).error(), Errno::AGAIN);
    EXPECT_EQ(buffer.bytes().size(), 4096U);
    ASSERT_TRUE(consumer.try_receive());
    EXPECT_TRUE(alice.try_send(producer, buffer, 0, 1));
}

TEST_F(PoolTest, bounds_are_checked_on_both_sides) {
    auto buffer = *alice.allocate();
    EXPECT_EQ(alice.try_send(producer, buffer, 1, 4096).error(), Errno::INVAL);
    EXPECT_EQ(alice.try_send(producer, buffer, ~std::size_t{0}, 2).error(), Errno::INVAL);
    EXPECT_EQ(alice.try_send(producer, buffer, 4096, 1).error(), Errno::INVAL);
    const auto refused = [&](BufferDescriptor forged) { return bob.take(forged).error(); };
    EXPECT_EQ(refused({.index = kGeometry.count, .generation = 0, .offset = 0, .length = 1}),
              Errno::BADMSG);
    EXPECT_EQ(refused({.index = 0, .generation = 0, .offset = 4096, .length = 1}), Errno::BADMSG);
    EXPECT_EQ(refused({.index = 0, .generation = 0, .offset = ~0U, .length = ~0U}), Errno::BADMSG);
    EXPECT_EQ(refused({.index = 0, .generation = 0, .offset = 0, .length = 1}), Errno::STALE);
    ASSERT_TRUE(producer.try_send(numbered(1)));
    EXPECT_EQ(receive(bob).error(), Errno::BADMSG);
}

TEST_F(PoolTest, a_descriptor_works_once) {
    auto buffer = *alice.allocate();
    ASSERT_TRUE(alice.try_send(producer, buffer, 0, 8));
    auto slots = *consumer.try_acquire(1);
    const auto incoming = *slots[0];
    {
        auto received = *bob.take(incoming);
        EXPECT_EQ(bob.take(incoming).error(), Errno::STALE);
        EXPECT_EQ(alice.take(incoming).error(), Errno::STALE);
    }
    EXPECT_EQ(bob.take(incoming).error(), Errno::STALE);
    EXPECT_EQ(drain(bob).size(), kGeometry.count);
}

TEST_F(PoolTest, what_a_dead_owner_held_comes_back) {
    auto held = *alice.allocate();
    auto sent = *alice.allocate();
    ASSERT_TRUE(alice.try_send(producer, sent, 0, 8));
    EXPECT_EQ(bob.reclaim(kAlice, Pool::Reclaim::kOwned), 1U);
    EXPECT_EQ(alice.try_send(producer, held, 0, 8).error(), Errno::STALE);
    {
        const auto received = receive(bob);
        EXPECT_TRUE(received);
    }
    auto lost = *alice.allocate();
    ASSERT_TRUE(alice.try_send(producer, lost, 0, 8));
    EXPECT_EQ(bob.reclaim(kAlice, Pool::Reclaim::kOwnedAndInFlight), 1U);
    EXPECT_EQ(receive(bob).error(), Errno::STALE);
    EXPECT_EQ(drain(bob).size(), kGeometry.count);
}

TEST_F(PoolTest, hints_that_lie_hide_nothing_for_ever) {
    auto* hints = reinterpret_cast<Atomic<std::uint64_t>*>(static_cast<std::byte*>(memory.get()) +
                                                           abi::kRingLine);
    auto held = *alice.allocate();
    hints[0].store(1);  // "the one that is held is free, the others are not"
    EXPECT_EQ(drain(bob).size(), 6U);
    EXPECT_EQ(bob.reclaim(99, Pool::Reclaim::kOwned), 0U);
    EXPECT_EQ(drain(bob).size(), kGeometry.count - 1);
    hints[1].store(~std::uint64_t{0});  // beyond the last buffer
    EXPECT_EQ(drain(bob).size(), kGeometry.count - 1);
}

TEST_F(PoolTest, impossible_pools_are_refused) {
    EXPECT_EQ(Pool::create(memory.get(), size - 1, kGeometry).error(), Errno::NOBUFS);
    EXPECT_EQ(Pool::create(memory.get(), size, {.count = 0, .log2_buffer = 12}).error(),
              Errno::INVAL);
    EXPECT_EQ(Pool::create(memory.get(), size, {.count = 1, .log2_buffer = 31}).error(),
              Errno::INVAL);
    EXPECT_EQ(Pool::attach(memory.get(), size, 0).error(), Errno::INVAL);
    EXPECT_EQ(Pool::attach(memory.get(), size, abi::kPoolMaxOwner + 1).error(), Errno::INVAL);
    EXPECT_EQ(Pool::attach(memory.get(), size - 1, 1).error(), Errno::PROTO);
    auto* header = static_cast<abi::PoolHeader<Atomic>*>(memory.get());
    header->geometry.store(PoolGeometry{.count = ~0U, .log2_buffer = 63}.encode());
    EXPECT_EQ(Pool::attach(memory.get(), size, 1).error(), Errno::PROTO);
    header->magic.store(1);
    EXPECT_EQ(Pool::attach(memory.get(), size, 1).error(), Errno::PROTO);
}

TEST_F(PoolTest, buffers_travel_between_threads) {
    constexpr std::uint32_t kMessages = 3000;
    std::thread sender([&] {
        for (std::uint32_t i = 0; i < kMessages;) {
            auto buffer = alice.allocate();
            if (!buffer) {
                std::this_thread::yield();
                continue;
            }
            std::memset(buffer->bytes().data(), static_cast<int>(i % 251), 256);
            while (!alice.try_send(producer, *buffer, 0, 256)) std::this_thread::yield();
            ++i;
        }
    });
    for (std::uint32_t i = 0; i < kMessages;) {
        const auto buffer = receive(bob);
        if (!buffer) {
            ASSERT_EQ(buffer.error(), Errno::AGAIN);
            std::this_thread::yield();
            continue;
        }
        for (const auto byte : buffer->bytes()) ASSERT_EQ(byte, static_cast<std::byte>(i % 251));
        ++i;
    }
    sender.join();
    EXPECT_EQ(drain(bob).size(), kGeometry.count);
}

}  // namespace
}  // namespace exo::ring
