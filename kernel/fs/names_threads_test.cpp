// Threads that rename, make, remove and look up in the same few directories: nothing is lost, and
// what one thread keeps to itself is always there.
#include <string>
#include <thread>
#include <vector>

#include "kernel/fs/fs_fixture.h"

namespace exo {

namespace {

class NamesThreadsTest : public FsTest {
  protected:
    /// Calls `run(number)` on `count` CPUs.
    template <typename Run>
    static void on_threads(unsigned count, Run run) {
        std::vector<std::thread> threads;
        for (unsigned number = 0; number < count; ++number) {
            threads.emplace_back([run, number] {
                const host::Cpu cpu;
                run(number);
            });
        }
        for (std::thread& thread : threads) thread.join();
    }
};

TEST_F(NamesThreadsTest, a_name_is_made_by_one_and_removed_by_one) {
    constexpr int kRounds = 300;
    Atomic<int> made{0};
    Atomic<int> removed{0};
    on_threads(3, [&](unsigned) {
        for (int round = 0; round < kRounds; ++round) {
            if (directory("/d").has_value()) made.fetch_add(1);
            if (remove("/d", Remove::kDirectory) == kFine) removed.fetch_add(1);
        }
    });
    EXPECT_EQ(made.load(), removed.load());
    EXPECT_GT(made.load(), 0);
    EXPECT_EQ(find("/d"), Errno::NOENT);
    EXPECT_EQ(root().inode()->stat().links, 2u);
}

TEST_F(NamesThreadsTest, what_moves_is_always_somewhere) {
    for (const char* path : {"/a", "/b", "/a/own0", "/a/own1", "/a/own2"}) {
        ASSERT_TRUE(directory(path).has_value());
    }
    Atomic<int> lost{0};
    on_threads(3, [&](unsigned number) {
        const std::string name = "/own" + std::to_string(number);
        for (int round = 0; round < 200; ++round) {
            if (rename("/a" + name, "/b" + name) != kFine) lost.fetch_add(1);
            if (find("/b/../b" + name + "/.") != kFine) lost.fetch_add(1);
            // Of the others' names nothing is certain, but that they are whole.
            const Errno other = find("/a/own" + std::to_string((number + 1) % 3));
            if (other != kFine && other != Errno::NOENT) lost.fetch_add(1);
            if (rename("/b" + name, "/a" + name) != kFine) lost.fetch_add(1);
        }
    });
    EXPECT_EQ(lost.load(), 0);
    EXPECT_EQ(look("/a").value()->inode()->stat().links, 5u);
    EXPECT_EQ(look("/b").value()->inode()->stat().links, 2u);
}

// Two directories that move into each other: one of them may, never both, or they were gone.
TEST_F(NamesThreadsTest, directories_do_not_become_their_own_ancestors) {
    ASSERT_TRUE(directory("/a").has_value() && directory("/b").has_value());
    Atomic<int> wrong{0};
    on_threads(2, [&](unsigned number) {
        const std::string own = number == 0 ? "/a" : "/b";
        const std::string other = number == 0 ? "/b" : "/a";
        for (int round = 0; round < 300; ++round) {
            if (rename(own, other + "/in") != kFine) continue;
            if (rename(other + "/in", own) != kFine) wrong.fetch_add(1);
        }
    });
    EXPECT_EQ(wrong.load(), 0);
    EXPECT_EQ(find("/a"), kFine);
    EXPECT_EQ(find("/b"), kFine);
}

}  // namespace

}  // namespace exo
