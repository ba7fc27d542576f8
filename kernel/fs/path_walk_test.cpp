#include "kernel/fs/path_walk.h"

#include <string>

#include "kernel/fs/fs_fixture.h"

namespace exo {

namespace {

class PathWalkTest : public FsTest {
  protected:
    void SetUp() override {
        FsTest::SetUp();
        ASSERT_TRUE(directory("/a").has_value());
        ASSERT_TRUE(directory("/a/b").has_value());
        ASSERT_TRUE(open("/a/b/f", true).has_value());
    }
    /// Path of what `path` names, as getcwd(2) would show it.
    std::string path_of(std::string_view path) {
        const auto found = look(path);
        if (!found) return "?";
        char text[kPathMax];
        const auto length = (*found)->path(root(), text, sizeof text);
        return length ? std::string(text, *length) : "?";
    }
    Errno find_from(std::string_view directory, std::string_view path) {
        const auto at = look(directory);
        return at ? error_of(walk({start().root, *at}, path, LastLink::kFollow, who_)) : at.error();
    }
    Errno walks_within(const WalkStart& from, std::string_view path, WalkLimits limits) {
        PathWalker walker(from, who_, limits);
        const Result<void> begun = walker.begin(path);
        return begun ? error_of(walker.to_end(LastLink::kFollow)) : begun.error();
    }
};

TEST_F(PathWalkTest, names_and_dots) {
    EXPECT_EQ(path_of("/a/b/f"), "/a/b/f");
    EXPECT_EQ(path_of("a//b/.././b/f"), "/a/b/f");
    EXPECT_EQ(path_of("/"), "/");
    EXPECT_EQ(path_of("///"), "/");
    EXPECT_EQ(path_of("."), "/");
    EXPECT_EQ(path_of("a/b/../.."), "/");
    EXPECT_EQ(path_of("a/b/."), "/a/b");
}

TEST_F(PathWalkTest, nothing_is_above_the_root) {
    EXPECT_EQ(path_of("/../../a"), "/a");
    EXPECT_EQ(path_of("a/../../../a/b"), "/a/b");
}

TEST_F(PathWalkTest, the_root_of_a_process_holds_it) {
    const auto inner = look("/a");
    ASSERT_TRUE(inner.has_value());
    const WalkStart jailed{*inner, *inner};
    EXPECT_EQ(error_of(walk(jailed, "/b/f", LastLink::kFollow, who_)), kFine);
    const auto up = walk(jailed, "b/../../../..", LastLink::kFollow, who_);
    ASSERT_TRUE(up.has_value());
    EXPECT_EQ(&**up, &**inner);
    ASSERT_EQ(link_to("/a/out", "/a/b"), kFine);  // whose "/" is the jail's
    EXPECT_EQ(error_of(walk(jailed, "out", LastLink::kFollow, who_)), Errno::NOENT);
}

TEST_F(PathWalkTest, relative_paths_begin_where_the_process_is) {
    EXPECT_EQ(find_from("/a", "b/f"), kFine);
    EXPECT_EQ(find_from("/a", "/a/b"), kFine);
    EXPECT_EQ(find_from("/a/b", "../b/./f"), kFine);
    EXPECT_EQ(find_from("/a", "a"), Errno::NOENT);
    EXPECT_EQ(find_from("/a/b/f", "x"), Errno::NOTDIR);
    EXPECT_EQ(find_from("/a/b/f", "."), Errno::NOTDIR);
}

TEST_F(PathWalkTest, what_is_not_there) {
    EXPECT_EQ(find(""), Errno::NOENT);
    EXPECT_EQ(find("/x"), Errno::NOENT);
    EXPECT_EQ(find("/a/x/y"), Errno::NOENT);
    EXPECT_EQ(find("/x/../a"), Errno::NOENT);
    EXPECT_EQ(find("/a/b/f/x"), Errno::NOTDIR);
    EXPECT_EQ(find("/a/b/f/.."), Errno::NOTDIR);
}

TEST_F(PathWalkTest, a_slash_at_the_end_wants_a_directory) {
    EXPECT_EQ(find("/a/b/"), kFine);
    EXPECT_EQ(find("/a/b/f/"), Errno::NOTDIR);
    ASSERT_EQ(link_to("/dir", "a"), kFine);
    ASSERT_EQ(link_to("/file", "a/b/f"), kFine);
    EXPECT_EQ(find("/dir/", LastLink::kKeep), kFine);
    EXPECT_EQ(&**look("/dir/", LastLink::kKeep), &**look("/a"));
    EXPECT_EQ(find("/file/"), Errno::NOTDIR);
}

TEST_F(PathWalkTest, symlinks) {
    ASSERT_EQ(link_to("/abs", "/a/b"), kFine);
    ASSERT_EQ(link_to("/a/rel", "b/../b/f"), kFine);
    ASSERT_EQ(link_to("/slash", "a/b/"), kFine);
    ASSERT_EQ(link_to("/a/up", "../abs/f"), kFine);
    ASSERT_EQ(link_to("/chain", "a/up"), kFine);
    EXPECT_EQ(path_of("/abs/f"), "/a/b/f");
    EXPECT_EQ(path_of("/a/rel"), "/a/b/f");
    EXPECT_EQ(path_of("/slash/f"), "/a/b/f");
    EXPECT_EQ(path_of("/slash"), "/a/b");
    EXPECT_EQ(path_of("/chain"), "/a/b/f");
    EXPECT_EQ(path_of("/abs/.."), "/a");  // ".." is of where the link led
    EXPECT_EQ(find("/a/rel/x"), Errno::NOTDIR);
    EXPECT_NE(&**look("/abs", LastLink::kKeep), &**look("/abs"));
}

TEST_F(PathWalkTest, links_that_lead_nowhere_or_round) {
    ASSERT_EQ(link_to("/loop1", "loop2"), kFine);
    ASSERT_EQ(link_to("/loop2", "loop1"), kFine);
    ASSERT_EQ(link_to("/dangling", "nowhere"), kFine);
    EXPECT_EQ(find("/loop1"), Errno::LOOP);
    EXPECT_EQ(find("/loop1/x"), Errno::LOOP);
    EXPECT_EQ(find("/loop1", LastLink::kKeep), kFine);
    EXPECT_EQ(find("/loop1/", LastLink::kKeep), Errno::LOOP);
    EXPECT_EQ(find("/dangling"), Errno::NOENT);
    EXPECT_EQ(find("/dangling", LastLink::kKeep), kFine);
}

TEST_F(PathWalkTest, forty_links_may_be_followed) {
    ASSERT_EQ(link_to("/l0", "a"), kFine);
    for (unsigned i = 1; i <= kMaxLinks; ++i) {
        ASSERT_EQ(link_to("/l" + std::to_string(i), "l" + std::to_string(i - 1)), kFine);
    }
    EXPECT_EQ(find("/l" + std::to_string(kMaxLinks - 1)), kFine);
    EXPECT_EQ(find("/l" + std::to_string(kMaxLinks)), Errno::LOOP);
    std::string beside;
    for (unsigned i = 0; i < kMaxLinks; ++i) beside += "l0/../";
    EXPECT_EQ(find(beside), kFine);
    EXPECT_EQ(find(beside + "l0"), Errno::LOOP);
}

TEST_F(PathWalkTest, lengths_of_names_and_paths) {
    const std::string longest(kNameMax, 'n');
    EXPECT_EQ(find(longest), Errno::NOENT);
    EXPECT_EQ(find(longest + "n"), Errno::NAMETOOLONG);
    EXPECT_EQ(find(longest + "n/x"), Errno::NAMETOOLONG);
    std::string path;
    while (path.size() + 2 < kPathMax) path += "./";
    EXPECT_EQ(find(path), kFine);
    path.resize(kPathMax - 1, '/');
    EXPECT_EQ(find(path), kFine);
    EXPECT_EQ(find(path + "/"), Errno::NAMETOOLONG);
}

TEST_F(PathWalkTest, directories_must_allow_walking) {
    ASSERT_TRUE(directory("/closed", 0600).has_value());
    ASSERT_TRUE(directory("/closed/d").has_value());
    who_.fs_uid = who_.fs_gid = 1000;
    who_.capabilities.effective = 0;
    EXPECT_EQ(find("/closed"), kFine);
    EXPECT_EQ(find("/closed/d"), Errno::ACCES);
    EXPECT_EQ(find("/closed/none"), Errno::ACCES);
    EXPECT_EQ(find("/closed/."), Errno::ACCES);
    EXPECT_EQ(find("/a/b/f"), kFine);
}

TEST_F(PathWalkTest, the_last_component_in_steps) {
    const WalkStart from = start();
    PathWalker walker(from, who_);
    ASSERT_TRUE(walker.begin("a/./b/new/").has_value());
    const auto last = walker.to_last();
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(last->kind, LastKind::kName);
    EXPECT_EQ(last->name, "new");
    EXPECT_TRUE(last->must_be_directory);
    EXPECT_EQ(&*last->directory, &**look("/a/b"));
    const auto kind = [&](std::string_view path) {
        PathWalker other(from, who_);
        EXPECT_TRUE(other.begin(path).has_value());
        return other.to_last()->kind;
    };
    EXPECT_EQ(kind("/"), LastKind::kRoot);
    EXPECT_EQ(kind("a/."), LastKind::kDot);
    EXPECT_EQ(kind("a/.."), LastKind::kDotDot);
    EXPECT_EQ(kind("a/..b"), LastKind::kName);
}

TEST_F(PathWalkTest, path_of_what_moved_or_went) {
    ASSERT_TRUE(directory("/a/a-name-that-is-longer-than-the-room-in-a-dentry").has_value());
    const auto found = look("/a/a-name-that-is-longer-than-the-room-in-a-dentry");
    ASSERT_TRUE(found.has_value());
    char text[128];
    const auto path = [&] {
        const auto length = (*found)->path(root(), text, sizeof text);
        return length ? std::string_view(text, *length) : "?";
    };
    EXPECT_EQ(path(), "/a/a-name-that-is-longer-than-the-room-in-a-dentry");
    EXPECT_EQ((*found)->path(root(), text, 50).value_or(0), 50u);
    EXPECT_EQ(error_of((*found)->path(root(), text, 49)), Errno::RANGE);
    ASSERT_EQ(rename("/a", "/z"), kFine);
    ASSERT_EQ(rename("/z/a-name-that-is-longer-than-the-room-in-a-dentry", "/z/s"), kFine);
    EXPECT_EQ(path(), "/z/s");
    ASSERT_EQ(remove("/z/s", Remove::kDirectory), kFine);
    EXPECT_EQ(path(), "/z/s (deleted)");
    const auto other = look("/z/b");
    const auto outside = root().path(**other, text, sizeof text);
    ASSERT_TRUE(outside.has_value());
    EXPECT_TRUE(std::string_view(text, *outside).starts_with("(unreachable)"));
}

TEST_F(PathWalkTest, mounts_are_entered_and_left) {
    const auto files = create_tmpfs({});
    ASSERT_TRUE(files.has_value());
    auto inode = (*files)->create_root();
    ASSERT_TRUE(inode.has_value());
    auto mounted = Dentry::create_root(std::move(*inode));
    ASSERT_TRUE(mounted.has_value());
    const auto covered = look("/a/b");
    ASSERT_TRUE((*covered)->mount(*mounted).has_value());
    EXPECT_EQ(error_of((*covered)->mount(*mounted)), Errno::BUSY);
    EXPECT_EQ(find("/a/b/f"), Errno::NOENT);
    EXPECT_EQ(&**look("/a/b"), &**mounted);
    ASSERT_TRUE(directory("/a/b/in").has_value());
    EXPECT_EQ(path_of("/a/b/in"), "/a/b/in");
    EXPECT_EQ(path_of("/a/b/in/../.."), "/a");
    EXPECT_EQ(error_of((*covered)->unmount(2)), Errno::BUSY);
    EXPECT_EQ(error_of((*covered)->unmount(1)), kFine);
    EXPECT_EQ(error_of((*covered)->unmount(1)), Errno::INVAL);
    EXPECT_EQ(find("/a/b/f"), kFine);
}

// openat2(2): a directory that is moved out of the scope while a walk is in it.
TEST_F(PathWalkTest, a_walk_beneath_finds_that_it_was_moved_out) {
    WalkStart beneath = start();
    beneath.at = *look("/a");
    const auto walks = [&](std::string_view path) {
        return walks_within(beneath, path, WalkLimits::kBeneath);
    };
    EXPECT_EQ(walks("b/../b/f"), kFine);
    EXPECT_EQ(walks(".."), Errno::XDEV);
    EXPECT_EQ(walks("b/../.."), Errno::XDEV);
    EXPECT_EQ(walks("/a"), Errno::XDEV);
    ASSERT_TRUE(directory("/a/b/deep").has_value());
    PathWalker walker(beneath, who_, WalkLimits::kBeneath);
    ASSERT_TRUE(walker.begin("b/deep/inner").has_value());
    const auto last = walker.to_last();
    ASSERT_TRUE(last.has_value());
    ASSERT_EQ(link_to("/a/b/deep/inner", "../.."), kFine);
    const auto link = walker.child(*last);
    ASSERT_TRUE(link.has_value());
    ASSERT_TRUE(directory("/elsewhere").has_value());
    ASSERT_EQ(rename("/a/b/deep", "/elsewhere/deep"), kFine);
    ASSERT_TRUE(walker.follow(**link).has_value());
    EXPECT_EQ(error_of(walker.to_last()), Errno::XDEV);
}

TEST_F(PathWalkTest, a_walk_of_known_names_asks_no_file_system) {
    EXPECT_EQ(find("/a/b/f"), kFine);
    EXPECT_EQ(walks_within(start(), "/a/b/f", WalkLimits::kCached), kFine);
    DentryCache::get().shrink(DentryCache::kMaxUnused);
    EXPECT_EQ(walks_within(start(), "/a/b/f", WalkLimits::kCached), Errno::AGAIN);
}

// Wherever memory ends in a walk, it says so, and the next walk finds its way.
TEST_F(PathWalkTest, memory_may_end_anywhere) {
    ASSERT_EQ(link_to("/link", "a/b/../b/f"), kFine);
    for (std::uint64_t after = 0;; ++after) {
        DentryCache::get().shrink(DentryCache::kMaxUnused);
        const host::FailAllocations none(after);
        const Errno found = find("/link");
        if (!none.failed()) {
            EXPECT_EQ(found, kFine);
            EXPECT_GT(after, 3u);
            break;
        }
        EXPECT_EQ(found, Errno::NOMEM);
    }
    EXPECT_EQ(find("/link"), kFine);
}

}  // namespace

}  // namespace exo
