// Locks of files as data: how ranges split and join, what is in whose way, and what is left of a
// try without memory.
#include "kernel/fs/file_locks.h"

#include <gtest/gtest.h>

#include "kernel/host/cpu.h"

namespace exo {

namespace {

using enum FileLockKind;
using enum FileLockMode;

class FileLocksTest : public testing::Test {
  protected:
    static FileLockRequest want(FileLockKind kind, FileLockMode mode, const int& owner,
                                std::uint64_t first, std::uint64_t last) {
        return {kind, mode, &owner, owner, first, last};
    }
    FileLockRequest write_lock(const int& owner, std::uint64_t first, std::uint64_t last) {
        return want(kProcess, kExclusive, owner, first, last);
    }
    Errno take(const FileLockRequest& wanted) {
        const auto result = locks_.take(wanted, FileLocks::Wait::kNo);
        return result ? Errno{} : result.error();
    }
    /// The first byte from `from` on that `owner` is kept out of, and the last of that lock.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> in_the_way(const int& owner,
                                                                      std::uint64_t from) {
        std::optional<std::pair<std::uint64_t, std::uint64_t>> least;
        for (std::uint64_t at = from; at < 100 && !least; ++at) {
            if (const auto held = locks_.find_conflict(write_lock(owner, at, at)))
                least = std::pair(held->first, held->last);
        }
        return least;
    }

    host::Cpu cpu_;
    FileLocks locks_{LockedFile{7, 3}};
    const int a_ = 1, b_ = 2, c_ = 3;
};

using Range = std::pair<std::uint64_t, std::uint64_t>;

TEST_F(FileLocksTest, ranges_split_and_join) {
    EXPECT_EQ(take(write_lock(a_, 10, 39)), Errno{});
    EXPECT_TRUE(locks_.release(write_lock(a_, 20, 24)).has_value());
    EXPECT_EQ(in_the_way(b_, 0), Range(10, 19));
    EXPECT_EQ(in_the_way(b_, 20), Range(25, 39));
    EXPECT_EQ(take(write_lock(a_, 20, 24)), Errno{});
    EXPECT_EQ(in_the_way(b_, 0), Range(10, 39));
    EXPECT_EQ(take(want(kProcess, kShared, a_, 0, 15)), Errno{});
    EXPECT_EQ(in_the_way(b_, 0), Range(0, 15));
    EXPECT_EQ(in_the_way(b_, 16), Range(16, 39));
    EXPECT_EQ(take(want(kProcess, kShared, b_, 3, 15)), Errno{});
    EXPECT_EQ(take(want(kProcess, kShared, b_, 3, 16)), Errno::AGAIN);
    locks_.release_all(kProcess, &a_);
    EXPECT_FALSE(in_the_way(b_, 0).has_value());
    EXPECT_EQ(in_the_way(a_, 0), Range(3, 15));
}

TEST_F(FileLocksTest, who_is_in_whose_way) {
    EXPECT_EQ(take(want(kWhole, kExclusive, a_, 0, 9)), Errno{});
    EXPECT_EQ(take(want(kWhole, kShared, b_, 0, 9)), Errno::AGAIN);
    EXPECT_EQ(take(want(kOpenFile, kExclusive, b_, 0, 9)), Errno{});  // the other world
    EXPECT_EQ(take(write_lock(c_, 0, 0)), Errno::AGAIN);
    EXPECT_EQ(take(write_lock(b_, 0, 0)), Errno::AGAIN);  // an owner of one kind is none of another
    EXPECT_EQ(take(write_lock(c_, 10, 10)), Errno{});
}

TEST_F(FileLocksTest, without_memory_nothing_changes) {
    ASSERT_EQ(take(write_lock(a_, 0, 9)), Errno{});
    for (std::uint64_t after = 0; after < 2; ++after) {
        const host::FailAllocations none(after);
        EXPECT_EQ(take(want(kProcess, kShared, a_, 3, 4)), Errno::NOLCK);
    }
    {
        const host::FailAllocations none(0);
        const auto released = locks_.release(write_lock(a_, 3, 4));
        ASSERT_FALSE(released.has_value());
        EXPECT_EQ(released.error(), Errno::NOLCK);
    }
    EXPECT_EQ(in_the_way(b_, 0), Range(0, 9));
    {
        const host::FailAllocations none(0);
        locks_.release_all(kProcess, &a_);
    }
    EXPECT_FALSE(in_the_way(b_, 0).has_value());
}

TEST_F(FileLocksTest, all_locks_are_listed_by_file) {
    FileLocks other(LockedFile{8, 3});
    ASSERT_EQ(take(write_lock(a_, 5, 9)), Errno{});
    ASSERT_EQ(take(want(kWhole, kShared, b_, 0, 99)), Errno{});
    ASSERT_TRUE(other.take(want(kOpenFile, kShared, c_, 1, 2), FileLocks::Wait::kNo).has_value());
    const auto all = FileLocks::list_all();
    ASSERT_TRUE(all.has_value());
    ASSERT_EQ(all->size(), 3u);
    const auto& newest = (*all)[0];
    EXPECT_EQ(newest.file.inode_number, 8u);
    EXPECT_EQ(newest.what.kind, kOpenFile);
    EXPECT_EQ(newest.what.first, 1u);
    EXPECT_EQ((*all)[1].file.inode_number, 7u);
    EXPECT_EQ((*all)[1].what.last, 9u);
    EXPECT_EQ((*all)[2].what.process, b_);
    for (const ListedFileLock& each : *all) EXPECT_FALSE(each.waits);
    // More of them than there is room for at first.
    for (std::uint64_t at = 100; at < 400; at += 2)
        ASSERT_EQ(take(write_lock(c_, at, at)), Errno{});
    EXPECT_EQ(FileLocks::list_all()->size(), 153u);
}

}  // namespace

}  // namespace exo
