// Death at every instruction. A child process, single-stepped by ptrace(2), sends or receives in
// shared memory; after each of its instructions the memory is copied, and on the copy the child is
// dead: it is reaped, and then everything must work and nothing may be there twice. A second set
// lets a second child take every step of its own while the first one hangs or is dead.
#include "lib/ring/reap.h"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lib/ring/host/shared_memory.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/mpsc.h"
#include "lib/ring/pool.h"
#include "lib/ring/spsc.h"
#include "lib/ring/testing.h"

namespace exo::ring {
namespace {

constexpr std::uint32_t kVictim = 666;
constexpr std::uint32_t kOther = 667;
constexpr std::uint32_t kSurvivor = 1;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr unsigned kStride = 7;  // instrumented code has many times the instructions
constexpr unsigned kOuterStride = 61;
#else
constexpr unsigned kStride = 1;
constexpr unsigned kOuterStride = 2;  // between intent and swap are a few instructions
#endif

/// A child that stops, runs `work`, and ends; stepped from outside.
class Stepped {
  public:
    explicit Stepped(const std::function<void()>& work) {
        child_ = fork();
        if (child_ == 0) {
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            raise(SIGSTOP);
            work();
            raise(SIGSTOP);
            _exit(0);
        }
        int status = 0;
        waitpid(child_, &status, 0);
        EXPECT_TRUE(WIFSTOPPED(status));
    }
    Stepped(const Stepped&) = delete;
    Stepped& operator=(const Stepped&) = delete;
    ~Stepped() {
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
    }

    /// One instruction; false once the work is done.
    bool step() {
        if (done_) return false;
        int status = 0;
        if (ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0 ||
            waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status)) {
            ADD_FAILURE() << "the child cannot be stepped";
            done_ = true;
        } else if (WSTOPSIG(status) == SIGSTOP) {
            done_ = true;
        } else {
            EXPECT_EQ(WSTOPSIG(status), SIGTRAP);
        }
        return !done_;
    }
    bool steps(unsigned count) {
        while (count-- > 0) {
            if (!step()) return false;
        }
        return true;
    }

  private:
    pid_t child_;
    bool done_ = false;
};

/// A ring in shared memory, and copies of its present state.
struct Scene {
    explicit Scene(RingGeometry geometry)
        : size(bytes_for(geometry)), shared(*SharedMemory::create(size)) {
        EXPECT_TRUE(RingMemory::create(shared.data(), size, geometry));
        copy = allocate_exactly(abi::kRingLine, size);
    }
    [[nodiscard]] RingMemory memory() const { return *RingMemory::attach(shared.data(), size); }

    /// What a survivor would find if nobody else ran any more.
    RingMemory snapshot() {
        std::memcpy(copy.get(), shared.data(), size);
        return *RingMemory::attach(copy.get(), size);
    }

    std::size_t size;
    SharedMemory shared;
    ExactMemory copy{nullptr, &std::free};
};

/// All that a survivor can still receive, in order; it must come to an end.
std::vector<std::uint64_t> drain(MpmcConsumer& consumer) {
    std::vector<std::uint64_t> numbers;
    for (unsigned call = 0; call < 1000; ++call) {
        const auto message = consumer.try_receive();
        if (message) {
            numbers.push_back(number_of(*message));
        } else if (message.error() != Errno::BUSY) {
            EXPECT_EQ(message.error(), Errno::AGAIN);
            return numbers;
        }
    }
    ADD_FAILURE() << "the ring never ends";
    return numbers;
}

/// Once emptied, the ring takes and gives two laps of messages, each once: no slot is stuck.
void expect_works(const RingMemory& memory) {
    auto producer = *MpmcProducer::attach(memory, kSurvivor);
    auto consumer = *MpmcConsumer::attach(memory, kSurvivor);
    drain(consumer);
    std::uint64_t next = 1000;
    for (unsigned lap = 0; lap < 2; ++lap) {
        const std::uint64_t first = next;
        for (std::uint64_t i = 0; i < memory.capacity(); ++i) {
            ASSERT_TRUE(producer.try_send(numbered(next++)));
        }
        const auto numbers = drain(consumer);
        ASSERT_EQ(numbers.size(), memory.capacity());
        for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], first + i);
    }
}

void expect_subsequence(const std::vector<std::uint64_t>& got,
                        const std::vector<std::uint64_t>& all) {
    std::size_t at = 0;
    for (const std::uint64_t number : got) {
        while (at < all.size() && all[at] != number) ++at;
        ASSERT_LT(at, all.size()) << number << " is out of place or there twice";
        ++at;
    }
}

TEST(Reap, a_producer_may_die_at_any_instruction) {
    for (const std::uint32_t batch : {1U, 3U}) {
        Scene scene({RingFlavour::kMpmc, 2, 8});
        auto before = *MpmcProducer::attach(scene.memory(), kSurvivor);
        ASSERT_TRUE(before.try_send(numbered(1)));
        Stepped victim([&] {
            auto own = *MpmcProducer::attach(scene.memory(), kVictim);
            if (batch == 1) {
                (void)own.try_send(numbered(2));
                return;
            }
            auto slots = *own.try_reserve(batch);
            for (std::uint32_t i = 0; i < batch; ++i) (void)slots.push(numbered(2 + i));
            slots.commit();
        });
        unsigned deaths = 0;
        unsigned abandoned = 0;
        while (victim.steps(kStride)) {
            ++deaths;
            const auto memory = scene.snapshot();
            auto after = MpmcProducer::attach(memory, kOther);
            ASSERT_TRUE(after);
            (void)after->try_send(numbered(9));  // a live one goes on before anybody reaps
            const auto report = Reaper(memory).reap(kVictim);
            ASSERT_TRUE(report);
            abandoned += report->abandoned;
            EXPECT_EQ(report->lost, 0U);
            auto consumer = *MpmcConsumer::attach(memory, kSurvivor);
            const auto numbers = drain(consumer);
            ASSERT_FALSE(numbers.empty());
            EXPECT_EQ(numbers.front(), 1U);
            expect_subsequence(numbers, {9, 1, 9, 2, 3, 4, 9});
            expect_works(memory);
            if (testing::Test::HasFailure()) FAIL() << "death after instruction " << deaths;
        }
        EXPECT_GT(deaths, 10U);
        EXPECT_GT(abandoned, 0U);
    }
}

TEST(Reap, a_consumer_may_die_at_any_instruction) {
    for (const std::uint32_t batch : {1U, 2U}) {
        Scene scene({RingFlavour::kMpmc, 2, 8});
        {
            auto before = *MpmcProducer::attach(scene.memory(), kSurvivor);
            for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(before.try_send(numbered(i)));
        }
        Stepped victim([&] {
            auto own = *MpmcConsumer::attach(scene.memory(), kVictim);
            if (batch == 1) {
                (void)own.try_receive();
            } else {
                auto slots = *own.try_acquire(batch);
                slots.release();
            }
        });
        unsigned deaths = 0;
        unsigned lost = 0;
        while (victim.steps(kStride)) {
            ++deaths;
            const auto memory = scene.snapshot();
            const auto report = Reaper(memory).reap(kVictim);
            ASSERT_TRUE(report);
            EXPECT_LE(report->lost, batch);
            EXPECT_EQ(memory.header().lost.load(), report->lost);
            lost += report->lost;
            auto consumer = *MpmcConsumer::attach(memory, kSurvivor);
            const auto numbers = drain(consumer);
            ASSERT_GE(numbers.size(), 4U - batch);
            expect_subsequence(numbers, {1, 2, 3, 4});
            expect_works(memory);
            if (testing::Test::HasFailure()) FAIL() << "death after instruction " << deaths;
        }
        EXPECT_GT(deaths, 10U);
        EXPECT_GT(lost, 0U);
    }
}

// One producer hangs after i instructions, a second one takes j. With the first dead and the second
// alive, reaping may have to wait, but must not touch what the second one has claimed; with both
// dead it must end.
TEST(Reap, two_producers_at_one_slot_in_every_interleaving_of_deaths) {
    unsigned waited = 0;
    bool first_done = false;
    for (unsigned i = 1; !first_done; i += kOuterStride) {
        Scene scene({RingFlavour::kMpmc, 1, 8});
        const auto sender = [&](std::uint32_t owner) {
            return [&scene, owner] {
                auto own = MpmcProducer::attach(scene.memory(), owner);
                if (own) (void)own->try_send(numbered(owner));
            };
        };
        Stepped first(sender(kVictim));
        first_done = !first.steps(i);
        Stepped second(sender(kOther));
        bool running = true;
        while (running) {
            running = second.steps(kStride * 3);
            const auto memory = scene.snapshot();
            const auto alone = Reaper(memory).reap(kVictim);
            if (!alone) {
                ASSERT_EQ(alone.error(), Errno::AGAIN);
                ASSERT_TRUE(running) << "nobody is left to wait for";
                ++waited;
            }
            ASSERT_TRUE(Reaper(memory).reap(kOther) || !alone);
            ASSERT_TRUE(Reaper(memory).reap(kVictim));
            ASSERT_TRUE(Reaper(memory).reap(kOther));
            auto consumer = *MpmcConsumer::attach(memory, kSurvivor);
            const auto numbers = drain(consumer);
            expect_subsequence(numbers, {kVictim, kOther, kVictim});
            ASSERT_LE(numbers.size(), 2U);
            if (!running) {
                ASSERT_FALSE(numbers.empty());  // the one that lived got through
            }
            expect_works(memory);
        }
        if (testing::Test::HasFailure()) FAIL() << "first stopped after instruction " << i;
    }
    // Instrumented code is sampled too coarsely to be sure to meet the few instructions in
    // question.
    if (kStride == 1) {
        EXPECT_GT(waited, 0U);
    }
}

TEST(Reap, a_live_claim_in_the_way_is_left_alone) {
    const TestRing ring(RingFlavour::kMpmc, 2, 4);
    auto live = *MpmcProducer::attach(ring.memory(), kOther);
    // The dead one announced slot 0 and did not get it; the live one holds it.
    auto dead = *Registration::create(ring.memory(), kVictim, abi::EndpointRole::kProducer);
    dead.set_intent(0, 1);
    auto held = *live.try_reserve(1);
    EXPECT_EQ(Reaper(ring.memory()).reap(kVictim).error(), Errno::AGAIN);
    ASSERT_TRUE(held.push(numbered(5)));
    held.commit();
    EXPECT_EQ(Reaper(ring.memory()).reap(kVictim)->abandoned, 0U);
    auto consumer = *MpmcConsumer::attach(ring.memory(), kSurvivor);
    EXPECT_EQ(number_of(*consumer.try_receive()), 5U);
}

TEST(Reap, a_reaper_may_die_at_any_instruction) {
    Scene scene({RingFlavour::kMpmc, 2, 8});
    {
        auto producer = *MpmcProducer::attach(scene.memory(), kSurvivor);
        ASSERT_TRUE(producer.try_send(numbered(1)));
    }
    Stepped owner([&] {
        auto producer = *MpmcProducer::attach(scene.memory(), kVictim);
        auto consumer = *MpmcConsumer::attach(scene.memory(), kVictim);
        auto slots = *producer.try_reserve(2);
        auto taken = *consumer.try_acquire(1);
        for (;;) raise(SIGSTOP);  // killed here, with both
    });
    while (owner.steps(64)) {
    }
    Stepped reaper([&] { (void)Reaper(scene.memory()).reap(kVictim); });
    while (reaper.steps(kStride)) {
        const auto memory = scene.snapshot();
        ASSERT_TRUE(Reaper(memory).reap(kVictim));
        EXPECT_LE(memory.header().lost.load(), 1U);
        expect_works(memory);
        if (testing::Test::HasFailure()) return;
    }
}

TEST(Reap, an_spsc_end_may_die_at_any_instruction) {
    Scene scene({RingFlavour::kSpsc, 2, 0});
    auto producer = *SpscProducer::attach(scene.memory());
    ASSERT_TRUE(producer.try_send(numbered(1)));
    const auto heirs_work = [&](const std::vector<std::uint64_t>& possible) {
        const auto memory = scene.snapshot();
        auto sender = *SpscProducer::attach(memory);
        auto receiver = *SpscConsumer::attach(memory);
        ASSERT_TRUE(sender.try_send(numbered(77)));
        std::vector<std::uint64_t> numbers;
        while (const auto message = receiver.try_receive()) numbers.push_back(number_of(*message));
        expect_subsequence(numbers, possible);
        ASSERT_EQ(numbers.back(), 77U);
    };
    {
        Stepped victim([&] {
            auto own = *SpscProducer::attach(scene.memory());
            auto slots = *own.try_reserve(2);
            (void)slots.push(numbered(2));
            (void)slots.push(numbered(3));
            slots.commit();
        });
        while (victim.steps(kStride)) heirs_work({1, 2, 3, 77});
    }
    Stepped victim([&] {
        auto own = *SpscConsumer::attach(scene.memory());
        (void)own.try_receive();
        (void)own.try_receive();
    });
    while (victim.steps(kStride)) heirs_work({1, 2, 3, 77});
}

TEST(Reap, an_mpsc_consumer_may_die_at_any_instruction) {
    Scene scene({RingFlavour::kMpsc, 1, 4});
    auto producer = *MpmcProducer::attach(scene.memory(), kSurvivor);
    ASSERT_TRUE(producer.try_send(numbered(1)));
    ASSERT_TRUE(producer.try_send(numbered(2)));
    Stepped victim([&] {
        auto own = *MpscConsumer::attach(scene.memory());
        (void)own.try_receive();
        (void)own.try_receive();
    });
    while (victim.steps(kStride)) {
        const auto memory = scene.snapshot();
        auto sender = *MpmcProducer::attach(memory, kOther);
        while (sender.try_send(numbered(3))) {
        }
        auto heir = *MpscConsumer::attach(memory);
        std::vector<std::uint64_t> numbers;
        while (const auto message = heir.try_receive()) numbers.push_back(number_of(*message));
        expect_subsequence(numbers, {1, 2, 3, 3});
        ASSERT_TRUE(sender.try_send(numbered(4)));
        ASSERT_EQ(number_of(*heir.try_receive()), 4U);
        if (testing::Test::HasFailure()) return;
    }
}

TEST(Reap, a_killed_process_wedges_nobody) {
    Scene scene({RingFlavour::kMpmc, 3, 8});
    for (std::uint32_t round = 0; round < 40; ++round) {
        const std::uint32_t owner = 100 + round;
        const pid_t child = fork();
        if (child == 0) {
            auto producer = *MpmcProducer::attach(scene.memory(), owner);
            auto consumer = *MpmcConsumer::attach(scene.memory(), owner);
            for (std::uint64_t i = 0;; ++i) {
                (void)producer.try_send(numbered(i));
                (void)consumer.try_receive();
            }
        }
        usleep(500 + 37 * round);
        kill(child, SIGKILL);
        ASSERT_EQ(waitpid(child, nullptr, 0), child);
        ASSERT_TRUE(Reaper(scene.memory()).reap(owner));
        auto consumer = *MpmcConsumer::attach(scene.memory(), kSurvivor);
        ASSERT_LE(drain(consumer).size(), 8U);
        expect_works(scene.memory());
    }
}

TEST(Reap, a_pools_buffers_survive_a_death_at_any_instruction) {
    constexpr PoolGeometry kGeometry{.count = 4, .log2_buffer = 6};
    const std::size_t size = *pool_bytes(kGeometry);
    auto shared = *SharedMemory::create(size);
    ASSERT_TRUE(Pool::create(shared.data(), size, kGeometry));
    Scene scene({RingFlavour::kSpsc, 2, 0});
    Stepped victim([&] {
        auto pool = *Pool::attach(shared.data(), size, kVictim);
        auto producer = *SpscProducer::attach(scene.memory());
        auto kept = *pool.allocate();
        auto sent = *pool.allocate();
        (void)pool.try_send(producer, sent, 0, 8);
    });
    const ExactMemory copy = allocate_exactly(abi::kPoolPage, size);
    while (victim.steps(kStride)) {
        std::memcpy(copy.get(), shared.data(), size);
        const auto memory = scene.snapshot();
        auto pool = *Pool::attach(copy.get(), size, kSurvivor);
        auto consumer = *SpscConsumer::attach(memory);
        pool.reclaim(kVictim, Pool::Reclaim::kOwned);
        {
            auto slots = consumer.try_acquire(1);
            if (slots) {
                EXPECT_TRUE(pool.take(*(*slots)[0]));
            }
        }
        pool.reclaim(kVictim, Pool::Reclaim::kOwnedAndInFlight);
        std::vector<Buffer> all;
        for (;;) {
            auto buffer = pool.allocate();
            if (!buffer) break;
            all.push_back(std::move(*buffer));
        }
        ASSERT_EQ(all.size(), kGeometry.count);
    }
}

}  // namespace
}  // namespace exo::ring
