// Sleeping: event counts on futexes, between threads and between processes, and that an awake side
// makes no system call.
#include "lib/ring/blocking.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "lib/ring/host/futex.h"
#include "lib/ring/host/shared_memory.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/spsc.h"
#include "lib/ring/testing.h"

namespace exo::ring {
namespace {

std::atomic<unsigned> waits;
std::atomic<unsigned> wakes;

struct CountingPort {
    static void wait(Atomic<std::uint32_t>& word, std::uint32_t expected) {
        ++waits;
        FutexPort::wait(word, expected);
    }
    static void wake_all(Atomic<std::uint32_t>& word) {
        ++wakes;
        FutexPort::wake_all(word);
    }
};

using Sender = BlockingSender<SpscProducer, CountingPort>;
using Receiver = BlockingReceiver<SpscConsumer, CountingPort>;

struct BlockingTest : testing::Test {
    TestRing ring{RingFlavour::kSpsc, 2};
    Sender sender{*SpscProducer::attach(ring.memory()), Sleepers::kOne};
    Receiver receiver{*SpscConsumer::attach(ring.memory()), Sleepers::kOne};

    void SetUp() override { waits = wakes = 0; }

    void await_sleeper(const Event& event) {
        while (event.word.load() % 2 == 0 || waits == 0) std::this_thread::yield();
        usleep(2000);  // from the port into the kernel
    }
};

TEST_F(BlockingTest, sides_that_are_awake_make_no_system_call) {
    for (std::uint64_t i = 0; i < 100; ++i) {
        ASSERT_TRUE(sender.send(numbered(i)));
        ASSERT_EQ(number_of(*receiver.receive()), i);
    }
    EXPECT_EQ(waits, 0U);
    EXPECT_EQ(wakes, 0U);
}

TEST_F(BlockingTest, a_message_wakes_the_receiver_once) {
    std::thread sleeper([&] { EXPECT_EQ(number_of(*receiver.receive()), 5U); });
    await_sleeper(ring.memory().header().data);
    ASSERT_TRUE(sender.send(numbered(5)));
    sleeper.join();
    EXPECT_EQ(wakes, 1U);
    ASSERT_TRUE(sender.send(numbered(6)));
    EXPECT_EQ(wakes, 1U);
}

TEST_F(BlockingTest, space_wakes_the_sender) {
    for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(sender.send(numbered(i)));
    std::thread sleeper([&] { EXPECT_TRUE(sender.send(numbered(4))); });
    await_sleeper(ring.memory().header().space);
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(number_of(*receiver.receive()), i);
    sleeper.join();
}

TEST_F(BlockingTest, close_wakes_the_other_side) {
    std::thread receiving([&] { EXPECT_EQ(receiver.receive().error(), Errno::NODATA); });
    await_sleeper(ring.memory().header().data);
    sender.close();
    receiving.join();

    const TestRing other(RingFlavour::kSpsc, 1);
    Sender full(*SpscProducer::attach(other.memory()), Sleepers::kOne);
    Receiver closer(*SpscConsumer::attach(other.memory()), Sleepers::kOne);
    ASSERT_TRUE(full.send(numbered(0)));
    ASSERT_TRUE(full.send(numbered(1)));
    waits = 0;
    std::thread sending([&] { EXPECT_EQ(full.send(numbered(2)).error(), Errno::PIPE); });
    await_sleeper(other.memory().header().space);
    closer.close();
    sending.join();
}

TEST_F(BlockingTest, threads_that_sleep_all_the_time_lose_no_wake_up) {
    constexpr std::uint64_t kMessages = 20000;
    Sender hasty(*SpscProducer::attach(ring.memory()), Sleepers::kOne, 0);
    Receiver sleepy(*SpscConsumer::attach(ring.memory()), Sleepers::kOne, 0);
    std::thread producing([&] {
        for (std::uint64_t i = 0; i < kMessages; ++i) ASSERT_TRUE(hasty.send(numbered(i)));
        hasty.close();
    });
    std::uint64_t expected = 0;
    for (;;) {
        const auto message = sleepy.receive();
        if (!message) break;
        ASSERT_EQ(number_of(*message), expected++);
    }
    producing.join();
    EXPECT_EQ(expected, kMessages);
}

TEST_F(BlockingTest, many_sleepers_on_one_ring_lose_no_wake_up) {
    constexpr std::uint64_t kEach = 3000;
    const TestRing shared(RingFlavour::kMpmc, 1, 6);
    std::atomic<std::uint64_t> received = 0;
    std::vector<std::thread> producers;
    std::vector<std::thread> consumers;
    producers.reserve(3);
    consumers.reserve(3);
    for (std::uint32_t id = 0; id < 3; ++id) {
        producers.emplace_back([&, id] {
            BlockingSender<MpmcProducer, FutexPort> own(*MpmcProducer::attach(shared.memory(), id),
                                                        Sleepers::kMany, 8);
            for (std::uint64_t i = 0; i < kEach; ++i) ASSERT_TRUE(own.send(numbered(i)));
        });
        consumers.emplace_back([&, id] {
            BlockingReceiver<MpmcConsumer, FutexPort> own(
                *MpmcConsumer::attach(shared.memory(), id), Sleepers::kMany, 8);
            while (own.receive()) received.fetch_add(1);
        });
    }
    for (auto& producer : producers) producer.join();
    // The ring's last act, by an endpoint of its own: its table has room again.
    BlockingSender<MpmcProducer, FutexPort> last(*MpmcProducer::attach(shared.memory(), 9),
                                                 Sleepers::kMany);
    last.close();
    for (auto& consumer : consumers) consumer.join();
    EXPECT_EQ(received, 3 * kEach);
}

TEST_F(BlockingTest, processes_sleep_and_wake_across_shared_memory) {
    constexpr std::uint64_t kMessages = 2000;
    const RingGeometry geometry{RingFlavour::kSpsc, 2, 0};
    auto there = *SharedMemory::create(bytes_for(geometry));
    auto back = *SharedMemory::create(bytes_for(geometry));
    ASSERT_TRUE(RingMemory::create(there.data(), there.size(), geometry));
    ASSERT_TRUE(RingMemory::create(back.data(), back.size(), geometry));
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    const auto open = [](const SharedMemory& memory) {
        return *RingMemory::attach(memory.data(), memory.size());
    };
    if (child == 0) {
        Receiver requests(*SpscConsumer::attach(open(there)), Sleepers::kOne, 0);
        Sender replies(*SpscProducer::attach(open(back)), Sleepers::kOne, 0);
        for (;;) {
            const auto request = requests.receive();
            if (!request) _exit(request.error() == Errno::NODATA ? 0 : 1);
            if (!replies.send(*request)) _exit(2);
        }
    }
    Sender requests(*SpscProducer::attach(open(there)), Sleepers::kOne, 0);
    Receiver replies(*SpscConsumer::attach(open(back)), Sleepers::kOne, 0);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
        ASSERT_TRUE(requests.send(numbered(i)));
        ASSERT_EQ(number_of(*replies.receive()), i);
    }
    requests.close();
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace exo::ring
