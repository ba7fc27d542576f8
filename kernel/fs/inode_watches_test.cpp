#include "kernel/fs/inode_watches.h"

#include <string>
#include <vector>

#include "kernel/fs/fs_fixture.h"
#include "kernel/mm/io_cursor.h"

namespace exo {
namespace {

/// Writes down what it is told: "events name", then "ended".
class Recorder final : public InodeWatch {
  public:
    explicit Recorder(Inode& inode) : InodeWatch(inode) {}
    std::vector<std::string> heard;
    Next answer = Next::kGoesOn;

    [[nodiscard]] std::vector<std::string> take() { return std::exchange(heard, {}); }

  private:
    Next tell(const FileEvent& event) override {
        heard.push_back(std::to_string(static_cast<std::uint32_t>(event.what)) + " " +
                        std::string(event.name) + (event.of_deleted ? " deleted" : ""));
        return answer;
    }
    void ended() override { heard.emplace_back("ended"); }
};

std::string said(FileEvents what, const std::string& name = "") {
    return std::to_string(static_cast<std::uint32_t>(what)) + " " + name;
}

using Heard = std::vector<std::string>;

class InodeWatchesTest : public FsTest {
  protected:
    Ref<Recorder> watch(std::string_view path) {
        const auto dentry = look(path);
        EXPECT_TRUE(dentry.has_value());
        auto made = make_ref<Recorder>(*(*dentry)->inode());
        EXPECT_TRUE((*made)->start().has_value());
        return *made;
    }
    static void write_byte(File& file) {
        std::byte byte{};
        IoCursor cursor(std::span(&byte, 1));
        EXPECT_TRUE(file.write(cursor).has_value());
    }
    /// As a handle table does.
    static void close(File& file) {
        file.opened();
        file.closed();
    }
};

TEST_F(InodeWatchesTest, NobodyWatchesUntilSomebodyDoes) {
    EXPECT_FALSE(somebody_watches());
    const auto first = watch("/");
    EXPECT_TRUE(somebody_watches());
    const auto second = watch("/");
    EXPECT_TRUE(first->stop());
    EXPECT_FALSE(first->stop());
    EXPECT_TRUE(somebody_watches());
    EXPECT_TRUE(second->stop());
    EXPECT_FALSE(somebody_watches());
}

TEST_F(InodeWatchesTest, AnOpenFileTellsItsDirectoryAndItself) {
    const auto file = open("a", true);
    const auto directory = watch("/"), own = watch("a");
    write_byte(**file);
    EXPECT_EQ(directory->take(), (Heard{said(FileEvents::kModify, "a")}));
    EXPECT_EQ(own->take(), (Heard{said(FileEvents::kModify)}));
    EXPECT_TRUE(directory->stop());
    write_byte(**file);
    EXPECT_EQ(own->take(), (Heard{said(FileEvents::kModify)}));
    EXPECT_TRUE(own->stop());
    write_byte(**file);
    EXPECT_EQ(own->take(), (Heard{"ended"}));
    close(**file);
}

TEST_F(InodeWatchesTest, AFileIsFoundToBeWatchedAfterEachChangeOfWhoWatches) {
    const auto file = open("a", true);
    ASSERT_TRUE(directory("d").has_value());
    const auto d = watch("d");
    write_byte(**file);  // remembers that nobody watches it
    EXPECT_EQ(d->take(), Heard{});
    EXPECT_EQ(rename("a", "d/b"), kFine);
    EXPECT_EQ(d->take(), (Heard{said(FileEvents::kMovedTo, "b")}));
    write_byte(**file);
    EXPECT_EQ(d->take(), (Heard{said(FileEvents::kModify, "b")}));
    EXPECT_EQ(remove("d/b"), kFine);
    write_byte(**file);
    EXPECT_EQ(d->take(),
              (Heard{said(FileEvents::kDelete, "b"), said(FileEvents::kModify, "b deleted")}));
    EXPECT_TRUE(d->stop());
    close(**file);
}

TEST_F(InodeWatchesTest, AWatchThatHasHeardEnoughEnds) {
    const auto file = open("a", true);
    const auto once = watch("a"), other = watch("a");
    once->answer = InodeWatch::Next::kEnds;
    write_byte(**file);
    write_byte(**file);
    EXPECT_EQ(once->take(), (Heard{said(FileEvents::kModify), "ended"}));
    EXPECT_EQ(other->take().size(), 2u);
    EXPECT_FALSE(once->stop());
    EXPECT_TRUE(other->stop());
    close(**file);
}

TEST_F(InodeWatchesTest, AFileWithoutNamesIsWatchedUntilItIsClosed) {
    auto file = open("a", true);
    const auto own = watch("a");
    EXPECT_EQ(remove("a"), kFine);
    EXPECT_EQ(own->take(), (Heard{said(FileEvents::kAttributes)}));
    close(**file);
    EXPECT_EQ(own->take(), (Heard{said(FileEvents::kCloseWrite, " deleted")}));
    file = Errno::NOENT;  // gives it back
    EXPECT_EQ(own->take(), (Heard{said(FileEvents::kDeleteSelf), "ended"}));
    EXPECT_FALSE(somebody_watches());
}

TEST_F(InodeWatchesTest, AnotherNameKeepsAWatch) {
    const auto file = open("a", true);
    close(**file);
    const auto own = watch("a");
    {
        const auto dentry = look("a");
        ASSERT_TRUE(make_link(**dentry, start(), "b", who_).has_value());
    }
    EXPECT_EQ(remove("a"), kFine);
    EXPECT_EQ(own->take(), (Heard{said(FileEvents::kAttributes), said(FileEvents::kAttributes)}));
    EXPECT_TRUE(own->stop());
}

TEST_F(InodeWatchesTest, WatchesEndWithTheLastUseOfAMount) {
    const auto files = create_tmpfs({});
    ASSERT_TRUE(files.has_value());
    auto inode = (*files)->create_root();
    ASSERT_TRUE(inode.has_value());
    const auto own = make_ref<Recorder>(**inode);
    {
        const auto mounted = Dentry::create_root(*inode);
        ASSERT_TRUE((*own)->start().has_value());
    }
    EXPECT_EQ((*own)->take(), (Heard{said(FileEvents::kUnmount), "ended"}));
    EXPECT_FALSE(somebody_watches());
}

}  // namespace
}  // namespace exo
