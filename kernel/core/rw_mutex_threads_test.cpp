// One writer or many readers, by threads that come and go.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "kernel/core/rw_mutex.h"
#include "kernel/host/cpu.h"

namespace exo {

namespace {

// A writer changes both words, which no reader may see apart; what is lost shows at the end.
TEST(RwMutexThreadsTest, writers_are_alone_and_nobody_is_forgotten) {
    constexpr int kThreads = 6, kRounds = 3000;
    BasicRwMutex mutex;
    std::uint64_t first = 0, second = 0;
    std::vector<std::thread> threads;
    for (int id = 0; id < kThreads; ++id) {
        threads.emplace_back([&, id] {
            const host::Cpu cpu;
            for (int round = 0; round < kRounds; ++round) {
                if ((round + id) % 3 == 0) {
                    const WriteGuard guard(mutex);
                    ++first;
                    std::this_thread::yield();
                    ++second;
                } else {
                    const ReadGuard guard(mutex);
                    EXPECT_EQ(first, second);
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(first, kThreads * kRounds / 3);
    EXPECT_EQ(second, first);
}

// Readers hold it together: each waits for the other inside.
TEST(RwMutexThreadsTest, readers_are_not_alone) {
    BasicRwMutex mutex;
    Atomic<int> inside{0};
    const auto read = [&] {
        const host::Cpu cpu;
        const ReadGuard guard(mutex);
        inside.fetch_add(1);
        while (inside.load() != 2) std::this_thread::yield();
    };
    std::thread one(read), other(read);
    one.join();
    other.join();
}

// Readers that wait behind a writer get it together, when the writer has had it.
TEST(RwMutexThreadsTest, readers_behind_a_writer_get_it_together) {
    const host::Cpu cpu;
    BasicRwMutex mutex;
    Atomic<int> inside{0};
    Atomic<bool> written{false};
    mutex.acquire_read();
    std::thread writer([&] {
        const host::Cpu own;
        const WriteGuard guard(mutex);
        EXPECT_EQ(inside.load(), 0);
        written.store(true);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto read = [&] {
        const host::Cpu own;
        const ReadGuard guard(mutex);
        EXPECT_TRUE(written.load());
        inside.fetch_add(1);
        while (inside.load() != 2) std::this_thread::yield();
    };
    std::thread one(read), other(read);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(inside.load(), 0);
    mutex.release_read();
    writer.join();
    one.join();
    other.join();
}

}  // namespace

}  // namespace exo
