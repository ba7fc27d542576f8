// Processes that wait for each other's locks of files.
#include <gtest/gtest.h>

#include <thread>

#include "kernel/fs/file_locks.h"
#include "kernel/host/cpu.h"

namespace exo {

namespace {

FileLockRequest byte_for(const int& owner) {
    return {FileLockKind::kProcess, FileLockMode::kExclusive, &owner, owner, 0, 0};
}

// b waits for a. Then a waits for b: a circle. But once a has given back what b waits for, there is
// none, even before b has run again.
TEST(FileLocksThreadsTest, a_circle_is_told_and_what_was_one_is_not) {
    const host::Cpu cpu;
    const int a = 1, b = 2;
    FileLocks first(LockedFile{}), second(LockedFile{});
    ASSERT_TRUE(first.take(byte_for(a), FileLocks::Wait::kNo).has_value());
    ASSERT_TRUE(second.take(byte_for(b), FileLocks::Wait::kNo).has_value());
    Atomic<bool> waits{false};
    std::thread waiter([&] {
        const host::Cpu own;
        waits.store(true);
        EXPECT_TRUE(first.take(byte_for(b), FileLocks::Wait::kYes).has_value());
        first.release_all(FileLockKind::kProcess, &b);
        second.release_all(FileLockKind::kProcess, &b);
    });
    while (!waits.load()) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto circle = second.take(byte_for(a), FileLocks::Wait::kYes);
    ASSERT_FALSE(circle.has_value());
    EXPECT_EQ(circle.error(), Errno::DEADLK);
    EXPECT_TRUE(first.release(byte_for(a)).has_value());
    EXPECT_TRUE(second.take(byte_for(a), FileLocks::Wait::kYes).has_value());
    waiter.join();
    EXPECT_FALSE(first.find_conflict(byte_for(a)).has_value());
}

}  // namespace

}  // namespace exo
