// Paths, names and files on a tmpfs of their own, which is mounted nowhere.
#include "kernel/core/ktest.h"
#include "kernel/fs/dentry_cache.h"
#include "kernel/fs/initrd.h"
#include "kernel/fs/mounts.h"
#include "kernel/fs/names.h"
#include "kernel/fs/tmpfs.h"
#include "lib/base/box.h"
#include "lib/base/format.h"

namespace exo {

namespace {

/// A fresh root with who walks in it.
struct Place {
    Ref<Dentry> root;
    WalkStart start;
    Credentials who;

    explicit Place(Ref<Dentry> at) : root(at), start{at, at} {}

    static Result<Box<Place>> create(const TmpfsOptions& options = {}) {
        TRY(DentryCache::start());
        const Ref<FileSystem> files = TRY(create_tmpfs(options));
        Ref<Inode> inode = TRY(files->create_root());
        Ref<Dentry> at = TRY(Dentry::create_root(std::move(inode)));
        return Box<Place>::create(std::move(at));
    }

    Result<Ref<File>> open(std::string_view path, bool create = false) {
        OpenRequest request;
        request.access = Rights::kRead | Rights::kWrite;
        request.create = create;
        request.mode = 0644;
        return open_path(start, path, request, who);
    }
    Result<void> directory(std::string_view path) {
        return make_node(start, path, FileType::kDirectory, 0755, {}, who);
    }
    Result<void> link_to(std::string_view path, std::string_view target) {
        return make_symlink(start, path, target, who);
    }
    Errno find(std::string_view path, LastLink last = LastLink::kFollow) {
        const auto found = walk(start, path, last, who);
        return found ? Errno{} : found.error();
    }
    Errno rename(std::string_view from, std::string_view to,
                 RenameMode mode = RenameMode::kReplace) {
        const auto renamed = rename_path(start, from, start, to, mode, who);
        return renamed ? Errno{} : renamed.error();
    }
    Errno remove(std::string_view path, Remove what) {
        const auto removed = remove_path(start, path, what, who);
        return removed ? Errno{} : removed.error();
    }
};

constexpr Errno kFine{};

Result<std::size_t> write_text(File& file, std::string_view text) {
    IoCursor cursor(
        std::span(reinterpret_cast<std::byte*>(const_cast<char*>(text.data())), text.size()));
    return file.write(cursor);
}

std::string_view read_text(File& file, std::uint64_t offset, std::span<char> to) {
    IoCursor cursor(std::as_writable_bytes(to));
    return {to.data(), file.read_at(cursor, offset).value_or(0)};
}

KERNEL_TEST(path_walk_follows_links_and_dots) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    KTEST_REQUIRE(place->directory("/a") && place->directory("a/b") && place->open("/a/b/f", true));
    KTEST_REQUIRE(place->link_to("/abs", "/a/b") && place->link_to("a/rel", "b/../b/f"));
    KTEST_REQUIRE(place->link_to("/loop1", "loop2") && place->link_to("/loop2", "loop1"));
    KTEST_REQUIRE(place->link_to("/slash", "a/b/") && place->link_to("/dangling", "nowhere"));
    KTEST_EXPECT_EQ(place->find("/abs/f"), kFine);
    KTEST_EXPECT_EQ(place->find("a//b/.././b/f"), kFine);
    KTEST_EXPECT_EQ(place->find("/../../a/rel"), kFine);
    KTEST_EXPECT_EQ(place->find("slash/f"), kFine);
    KTEST_EXPECT_EQ(place->find("/a/b/f/"), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->find("/a/rel/"), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->find("/a/b/f/x"), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->find("/a/x/y"), Errno::NOENT);
    KTEST_EXPECT_EQ(place->find(""), Errno::NOENT);
    KTEST_EXPECT_EQ(place->find("loop1"), Errno::LOOP);
    KTEST_EXPECT_EQ(place->find("loop1", LastLink::kKeep), kFine);
    KTEST_EXPECT_EQ(place->find("loop1/", LastLink::kKeep), Errno::LOOP);
    KTEST_EXPECT_EQ(place->find("dangling"), Errno::NOENT);
    char name[kNameMax + 1];
    for (char& c : name) c = 'n';
    KTEST_EXPECT_EQ(place->find({name, sizeof(name)}), Errno::NAMETOOLONG);
    KTEST_EXPECT_EQ(place->find({name, sizeof(name) - 1}), Errno::NOENT);
    KTEST_EXPECT(place->open("dangling", true).has_value());
    KTEST_EXPECT_EQ(place->find("/nowhere"), kFine);
}

KERNEL_TEST(path_of_a_dentry) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    KTEST_REQUIRE(place->directory("/a") &&
                  place->directory("a/a-name-that-is-longer-than-the-room-in-a-dentry"));
    const auto found = walk(place->start, "a/a-name-that-is-longer-than-the-room-in-a-dentry",
                            LastLink::kKeep, place->who);
    KTEST_REQUIRE(found.has_value());
    char text[128];
    const auto length = (*found)->path(*place->root, text, sizeof(text));
    KTEST_REQUIRE(length.has_value());
    KTEST_EXPECT_EQ(std::string_view(text, *length),
                    std::string_view("/a/a-name-that-is-longer-than-the-room-in-a-dentry"));
    KTEST_EXPECT_EQ(place->rename("a", "b"), kFine);
    const auto moved = (*found)->path(*place->root, text, sizeof(text));
    KTEST_REQUIRE(moved.has_value());
    KTEST_EXPECT(std::string_view(text, *moved).starts_with("/b/a-name"));
    KTEST_EXPECT_EQ((*found)->path(*place->root, text, 5).error(), Errno::RANGE);
}

KERNEL_TEST(permissions_of_others) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    KTEST_REQUIRE(place->directory("/open") && place->directory("/open/sub") &&
                  place->open("/open/f", true));
    KTEST_REQUIRE(
        make_node(place->start, "/closed", FileType::kDirectory, 0700, {}, place->who).has_value());
    place->who.fs_uid = 1000;
    place->who.fs_gid = 1000;
    place->who.capabilities.effective = 0;
    KTEST_EXPECT_EQ(place->find("/closed/x"), Errno::ACCES);
    KTEST_EXPECT_EQ(place->find("/open/f"), kFine);
    KTEST_EXPECT_EQ(place->open("/open/f").error(), Errno::ACCES);
    KTEST_EXPECT_EQ(place->open("/open/new", true).error(), Errno::ACCES);
    KTEST_EXPECT_EQ(place->remove("/open/f", Remove::kFile), Errno::ACCES);
    KTEST_EXPECT(place->open("/mine", true).has_value());                      // the root is 01777
    KTEST_EXPECT_EQ(place->remove("/open", Remove::kDirectory), Errno::PERM);  // and sticky
    KTEST_EXPECT_EQ(place->remove("/mine", Remove::kFile), kFine);
}

KERNEL_TEST(files_keep_what_is_written) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    const auto file = place->open("/f", true);
    KTEST_REQUIRE(file.has_value());
    KTEST_EXPECT_EQ(write_text(**file, "hello").value_or(0), 5u);
    KTEST_EXPECT_EQ((*file)->seek(10000, Whence::kSet).value_or(0), 10000u);
    KTEST_EXPECT_EQ(write_text(**file, "far").value_or(0), 3u);
    char text[8];
    KTEST_EXPECT_EQ(read_text(**file, 0, std::span(text).first(5)), std::string_view("hello"));
    KTEST_EXPECT_EQ(read_text(**file, 9998, text), std::string_view("\0\0far", 5));
    KTEST_EXPECT_EQ(read_text(**file, 20000, text), std::string_view());
    AttributeChange change;
    change.size = true;
    change.to.size = 3;
    KTEST_EXPECT((*file)->inode()->set_attributes(change).has_value());
    KTEST_EXPECT_EQ(read_text(**file, 0, text), std::string_view("hel"));
    change.to.size = 5;
    KTEST_EXPECT((*file)->inode()->set_attributes(change).has_value());
    KTEST_EXPECT_EQ(read_text(**file, 0, text), std::string_view("hel\0\0", 5));
    KTEST_EXPECT_EQ(place->remove("/f", Remove::kFile), kFine);
    KTEST_EXPECT_EQ(read_text(**file, 0, std::span(text).first(3)), std::string_view("hel"));
    KTEST_EXPECT_EQ((*file)->inode()->stat().links, 0u);
    KTEST_EXPECT_EQ(place->open("/f").error(), Errno::NOENT);
}

KERNEL_TEST(tmpfs_limits) {
    auto created = Place::create({.max_bytes = 4 * 4096, .max_inodes = 4});
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    const auto file = place->open("/f", true);
    KTEST_REQUIRE(file.has_value());
    static constinit char block[5 * 4096] = {};
    KTEST_EXPECT_EQ(write_text(**file, {block, sizeof(block)}).value_or(0), 4u * 4096);
    KTEST_EXPECT_EQ(write_text(**file, "x").error(), Errno::NOSPC);
    const auto other = place->open("/g", true);
    KTEST_REQUIRE(other.has_value());
    KTEST_EXPECT_EQ(write_text(**other, "x").error(), Errno::NOSPC);
    AttributeChange change;
    change.size = true;
    KTEST_EXPECT((*file)->inode()->set_attributes(change).has_value());
    KTEST_EXPECT_EQ(write_text(**other, "x").value_or(0), 1u);
    KTEST_EXPECT(place->directory("/d").has_value());
    KTEST_EXPECT_EQ(place->directory("/e").error(), Errno::NOSPC);
    KTEST_EXPECT_EQ(place->remove("/d", Remove::kDirectory), kFine);
    KTEST_EXPECT(place->directory("/e").has_value());
}

KERNEL_TEST(rename_rules) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    KTEST_REQUIRE(place->directory("/a") && place->directory("/a/b") && place->directory("/full"));
    KTEST_REQUIRE(place->open("/f", true) && place->open("/g", true) &&
                  place->open("/full/x", true));
    KTEST_EXPECT_EQ(place->rename("/a", "/a/b/c"), Errno::INVAL);
    KTEST_EXPECT_EQ(place->rename("/a/b", "/a"), Errno::NOTEMPTY);
    KTEST_EXPECT_EQ(place->rename("/a", "/full"), Errno::NOTEMPTY);
    KTEST_EXPECT_EQ(place->rename("/a", "/f"), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->rename("/f", "/a"), Errno::ISDIR);
    KTEST_EXPECT_EQ(place->rename("/f", "/new/"), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->rename("/none", "/x"), Errno::NOENT);
    KTEST_EXPECT_EQ(place->rename("/a/.", "/x"), Errno::BUSY);
    KTEST_EXPECT_EQ(place->rename("/f", "/g", RenameMode::kNoReplace), Errno::EXIST);
    KTEST_EXPECT_EQ(place->rename("/f", "/g"), kFine);
    KTEST_EXPECT_EQ(place->find("/f"), Errno::NOENT);
    KTEST_EXPECT_EQ(place->rename("/a/b", "/full/b"), kFine);
    KTEST_EXPECT_EQ(place->find("/full/b/../x"), kFine);
    KTEST_EXPECT_EQ(place->rename("/g", "/full/b", RenameMode::kExchange), kFine);
    KTEST_EXPECT_EQ(place->find("/g/"), kFine);
    KTEST_EXPECT_EQ(place->find("/full/b/"), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->root->inode()->stat().links, 5u);  // a, full, g
}

KERNEL_TEST(hard_links_and_removal) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    KTEST_REQUIRE(place->open("/f", true) && place->directory("/d"));
    const auto found = walk(place->start, "/f", LastLink::kKeep, place->who);
    KTEST_REQUIRE(found.has_value());
    KTEST_EXPECT(make_link(**found, place->start, "/d/g", place->who).has_value());
    KTEST_EXPECT_EQ((*found)->inode()->stat().links, 2u);
    KTEST_EXPECT_EQ(place->remove("/d", Remove::kDirectory), Errno::NOTEMPTY);
    KTEST_EXPECT_EQ(place->remove("/d", Remove::kFile), Errno::ISDIR);
    KTEST_EXPECT_EQ(place->remove("/f", Remove::kDirectory), Errno::NOTDIR);
    KTEST_EXPECT_EQ(place->remove("/d/.", Remove::kDirectory), Errno::INVAL);
    KTEST_EXPECT_EQ(place->remove("/", Remove::kDirectory), Errno::BUSY);
    KTEST_EXPECT_EQ(place->remove("/f", Remove::kFile), kFine);
    KTEST_EXPECT_EQ(place->find("/d/g"), kFine);
    KTEST_EXPECT_EQ(place->remove("/d/g", Remove::kFile), kFine);
    const auto inside = walk(place->start, "/d", LastLink::kKeep, place->who);
    KTEST_REQUIRE(inside.has_value());
    KTEST_EXPECT_EQ(place->remove("/d", Remove::kDirectory), kFine);
    const WalkStart removed{place->root, *inside};
    KTEST_EXPECT_EQ(make_node(removed, "x", FileType::kRegular, 0644, {}, place->who).error(),
                    Errno::NOENT);
}

class Count final : public DirectorySink {
  public:
    bool entry(std::string_view name, std::uint64_t, FileType, std::uint64_t) override {
        if (left == 0) return false;
        --left;
        ++seen;
        if (name.starts_with("keep")) ++kept;
        return true;
    }
    unsigned left = 0, seen = 0, kept = 0;
};

KERNEL_TEST(a_directory_read_in_pieces_shows_what_stays_once) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    char name[] = "/keep00";
    for (int i = 0; i < 60; ++i) {
        name[5] = static_cast<char>('0' + i / 10);
        name[6] = static_cast<char>('0' + i % 10);
        KTEST_REQUIRE(place->open(name, true).has_value());
        name[1] = 'd';
        KTEST_REQUIRE(place->open(name, true).has_value());
        name[1] = 'k';
    }
    OpenRequest request;
    request.directory = true;
    const auto directory = open_path(place->start, "/", request, place->who);
    KTEST_REQUIRE(directory.has_value());
    Count count;
    name[1] = 'd';
    for (int i = 0; i < 60; ++i) {
        count.left = 2;
        KTEST_EXPECT((*directory)->read_directory(count).has_value());
        name[5] = static_cast<char>('0' + i / 10);
        name[6] = static_cast<char>('0' + i % 10);
        KTEST_EXPECT_EQ(place->remove(name, Remove::kFile), kFine);
    }
    count.left = 200;
    KTEST_EXPECT((*directory)->read_directory(count).has_value());
    KTEST_EXPECT_EQ(count.kept, 60u);
}

KERNEL_TEST(the_dentry_cache_is_bounded) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    char name[16];
    for (std::uint32_t i = 0; i < 3 * DentryCache::kMaxUnused; ++i) {
        const std::size_t length = format_to(std::span(name), "absent{}", i);
        KTEST_EXPECT_EQ(place->find({name, length}), Errno::NOENT);
    }
    KTEST_EXPECT(DentryCache::get().size() <= DentryCache::kMaxUnused + 64);
}

KERNEL_TEST(a_deep_tree_goes_without_recursion) {
    auto created = Place::create({.max_inodes = 100000});
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    WalkStart at = place->start;
    for (int i = 0; i < 5000; ++i) {
        KTEST_REQUIRE(make_node(at, "d", FileType::kDirectory, 0755, {}, place->who).has_value());
        auto below = walk(at, "d", LastLink::kKeep, place->who);
        KTEST_REQUIRE(below.has_value());
        at.at = *below;
    }
}

KERNEL_TEST(a_broken_initrd_is_refused) {
    auto created = Place::create();
    KTEST_REQUIRE(created.has_value());
    Place* place = created->get();
    constexpr std::string_view kText = "this is not an archive";
    const auto bytes = std::as_bytes(std::span(kText));
    KTEST_EXPECT_EQ(unpack_initrd(bytes, *place->root).error(), Errno::INVAL);
    KTEST_EXPECT(unpack_initrd({}, *place->root).has_value());
}

}  // namespace

}  // namespace exo
