// One writer or many readers, by threads that come and go.
#include <gtest/gtest.h>

#include <thread>

#include "kernel/core/rw_mutex.h"
#include "kernel/core/scheduler.h"
#include "kernel/host/cpu.h"

namespace exo {

namespace {

/// Threads of the kernel: who hands the lock over keeps whom it wakes.
template <typename Body>
void start(Body& body) {
    const auto thread = Thread::create_kernel(
        "test", [](void* argument) { (*static_cast<Body*>(argument))(); }, &body);
    ASSERT_TRUE(thread.has_value());
    start_thread(**thread);
}

void wait_a_little() {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

class RwMutexThreadsTest : public testing::Test {
  protected:
    const host::Cpu cpu_;
    BasicRwMutex mutex_;
};

// A writer changes both words, which no reader may see apart; what is lost shows at the end.
TEST_F(RwMutexThreadsTest, writers_are_alone_and_nobody_is_forgotten) {
    constexpr int kThreads = 6, kRounds = 3000;
    std::uint64_t first = 0, second = 0;
    Atomic<int> next{0};
    auto body = [&] {
        const int id = next.fetch_add(1);
        for (int round = 0; round < kRounds; ++round) {
            if ((round + id) % 3 == 0) {
                const WriteGuard guard(mutex_);
                ++first;
                std::this_thread::yield();
                ++second;
            } else {
                const ReadGuard guard(mutex_);
                EXPECT_EQ(first, second);
            }
        }
    };
    for (int i = 0; i < kThreads; ++i) start(body);
    host::join_threads();
    EXPECT_EQ(first, kThreads * kRounds / 3);
    EXPECT_EQ(second, first);
}

// Readers hold it together: each waits for the other inside.
TEST_F(RwMutexThreadsTest, readers_are_not_alone) {
    Atomic<int> inside{0};
    auto read = [&] {
        const ReadGuard guard(mutex_);
        inside.fetch_add(1);
        while (inside.load() != 2) std::this_thread::yield();
    };
    start(read);
    start(read);
    host::join_threads();
}

// Readers that wait behind a writer get it together, when the writer has had it.
TEST_F(RwMutexThreadsTest, readers_behind_a_writer_get_it_together) {
    Atomic<int> inside{0};
    Atomic<bool> written{false};
    auto write = [&] {
        const WriteGuard guard(mutex_);
        EXPECT_EQ(inside.load(), 0);
        written.store(true);
    };
    auto read = [&] {
        const ReadGuard guard(mutex_);
        EXPECT_TRUE(written.load());
        inside.fetch_add(1);
        while (inside.load() != 2) std::this_thread::yield();
    };
    mutex_.acquire_read();
    start(write);
    wait_a_little();
    start(read);
    start(read);
    wait_a_little();
    EXPECT_EQ(inside.load(), 0);
    mutex_.release_read();
    host::join_threads();
}

}  // namespace

}  // namespace exo
