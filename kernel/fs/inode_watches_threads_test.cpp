// Watches that come and go while others change files and tell: for ThreadSanitizer.
#include <thread>
#include <vector>

#include "kernel/fs/fs_fixture.h"
#include "kernel/fs/inode_watches.h"
#include "kernel/mm/io_cursor.h"

namespace exo {
namespace {

/// Counts what it hears; with kEnds it ends by itself.
class Counter final : public InodeWatch {
  public:
    Counter(Inode& inode, Next answer) : InodeWatch(inode), answer_(answer) {}
    Atomic<std::uint64_t> heard{0}, ends{0};

  private:
    Next tell(const FileEvent&) override {
        EXPECT_EQ(ends.load(std::memory_order_relaxed), 0u);
        heard.fetch_add(1, std::memory_order_relaxed);
        return answer_;
    }
    void ended() override { ends.fetch_add(1, std::memory_order_relaxed); }
    const Next answer_;
};

class InodeWatchesThreadsTest : public FsTest {
  protected:
    void change_files(int me) {
        const std::string name = "f" + std::to_string(me), other = "d/" + name;
        for (int i = 0; i < 200; ++i) {
            const auto file = open(name, true);
            ASSERT_TRUE(file.has_value());
            std::byte byte{};
            IoCursor cursor(std::span(&byte, 1));
            ASSERT_TRUE((*file)->write(cursor).has_value());
            ASSERT_EQ(rename(name, other), kFine);
            IoCursor again(std::span(&byte, 1));
            ASSERT_TRUE((*file)->write(again).has_value());
            ASSERT_EQ(remove(other), kFine);
        }
    }
    /// Each watch ends once, whoever ends it.
    void watch_them(std::string_view path, InodeWatch::Next answer) {
        const auto dentry = look(path);
        ASSERT_TRUE(dentry.has_value());
        for (int i = 0; i < 300; ++i) {
            const auto watch = make_ref<Counter>(*(*dentry)->inode(), answer);
            ASSERT_TRUE((*watch)->start().has_value());
            std::this_thread::yield();
            (*watch)->stop();
            EXPECT_EQ((*watch)->ends.load(std::memory_order_relaxed), 1u);
        }
    }
};

TEST_F(InodeWatchesThreadsTest, WatchesComeAndGoWhileFilesChange) {
    ASSERT_TRUE(directory("d").has_value());
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([this, i] {
            const host::Cpu cpu;
            change_files(i);
        });
    }
    threads.emplace_back([this] {
        const host::Cpu cpu;
        watch_them("/", InodeWatch::Next::kGoesOn);
    });
    threads.emplace_back([this] {
        const host::Cpu cpu;
        watch_them("d", InodeWatch::Next::kEnds);
    });
    for (std::thread& each : threads) each.join();
    EXPECT_FALSE(somebody_watches());
}

}  // namespace
}  // namespace exo
