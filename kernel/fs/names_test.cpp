// What the kernel's tests of files (fs_ktest.cpp) cannot arrange: memory that ends at each single
// allocation, a table of names beside a map, and the precedence of errors.
#include "kernel/fs/names.h"

#include <map>
#include <random>
#include <set>
#include <string>

#include "kernel/fs/fs_fixture.h"
#include "kernel/fs/name_table.h"
#include "kernel/mm/io_cursor.h"

namespace exo {

namespace {

class NamesTest : public FsTest {
  protected:
    /// Does `change` with ever more memory until there is enough. A try that fails says so and
    /// changes nothing that `same` looks at.
    template <typename Change, typename Same>
    void with_too_little_memory(Change change, Same same) {
        for (std::uint64_t after = 0; after < 1000; ++after) {
            Errno result;
            bool failed;
            {
                const host::FailAllocations none(after);
                result = change();
                failed = none.failed();
            }
            if (!failed) {
                EXPECT_EQ(result, kFine);
                EXPECT_GT(after, 0u);
                return;
            }
            if (result == kFine) return;  // what failed was not needed
            EXPECT_EQ(result, Errno::NOMEM);
            ASSERT_TRUE(same()) << "after " << after << " allocations";
            DentryCache::get().shrink(DentryCache::kMaxUnused);
        }
        FAIL() << "it never succeeds";
    }
    std::uint32_t links(std::string_view path) {
        const auto found = look(path, LastLink::kKeep);
        return found ? (*found)->inode()->stat().links : 0;
    }
    std::uint64_t used_inodes() {
        const FileSystemStat stat = root().inode()->file_system().stat();
        return stat.inodes - stat.free_inodes;
    }
};

TEST_F(NamesTest, making_a_name_succeeds_or_changes_nothing) {
    const std::uint64_t before = used_inodes();
    const auto nothing_new = [&] { return used_inodes() == before && !look("/new").has_value(); };
    with_too_little_memory([&] { return error_of(directory("/new")); }, nothing_new);
    ASSERT_EQ(remove("/new", Remove::kDirectory), kFine);
    with_too_little_memory([&] { return link_to("/new", "/target/of/some/length"); }, nothing_new);
    ASSERT_EQ(remove("/new"), kFine);
    ASSERT_TRUE(open("/old", true).has_value());
    const auto old = look("/old");
    with_too_little_memory([&] { return error_of(make_link(**old, start(), "/new", who_)); },
                           [&] { return links("/old") == 1 && !look("/new").has_value(); });
    EXPECT_EQ(links("/new"), 2u);
}

TEST_F(NamesTest, renaming_succeeds_or_changes_nothing) {
    ASSERT_TRUE(directory("/a").has_value() && directory("/b").has_value());
    ASSERT_TRUE(open("/a/f", true).has_value() && open("/b/g", true).has_value());
    const std::string longer = "/b/" + std::string(60, 'n');
    with_too_little_memory([&] { return rename("/a/f", longer); },
                           [&] { return find("/a/f") == kFine && find(longer) == Errno::NOENT; });
    with_too_little_memory([&] { return rename(longer, "/b/g"); },
                           [&] { return find(longer) == kFine && links("/b/g") == 1; });
    ASSERT_TRUE(directory("/a/d").has_value());
    {
        const host::FailAllocations all(0);
        EXPECT_EQ(rename("/a/d", "/b/g", RenameMode::kExchange), kFine) << "needs no memory";
    }
    EXPECT_EQ(find("/b/g/"), kFine);
    EXPECT_EQ(links("/a"), 2u);
    EXPECT_EQ(links("/b"), 3u);
}

TEST_F(NamesTest, writing_keeps_what_it_could) {
    const auto file = open("/f", true);
    ASSERT_TRUE(file.has_value());
    std::string text(5 * kPageSize, 'x');
    const auto write = [&] {
        IoCursor cursor(std::as_writable_bytes(std::span(text)));
        return (*file)->write_at(cursor, 100);
    };
    std::uint64_t after = 0;
    for (;; ++after) {
        AttributeChange empty;
        empty.size = true;
        ASSERT_TRUE((*file)->inode()->set_attributes(empty).has_value());
        const host::FailAllocations none(after);
        const auto written = write();
        const std::uint64_t size = (*file)->inode()->stat().size;
        if (!none.failed()) {
            EXPECT_EQ(written.value_or(0), text.size());
            break;
        }
        if (written) {
            ASSERT_EQ(size, 100 + *written);
        } else {
            ASSERT_EQ(size, 0u);
        }
    }
    EXPECT_GE(after, 5u);
}

TEST_F(NamesTest, permission_comes_after_existence_and_before_types) {
    ASSERT_TRUE(directory("/closed").has_value() && directory("/closed/d").has_value());
    ASSERT_TRUE(open("/closed/f", true).has_value());
    who_.fs_uid = who_.fs_gid = 1000;
    who_.capabilities.effective = 0;
    EXPECT_EQ(error_of(directory("/closed/d")), Errno::EXIST);
    EXPECT_EQ(error_of(directory("/closed/e")), Errno::ACCES);
    EXPECT_EQ(remove("/closed/none"), Errno::NOENT);
    EXPECT_EQ(remove("/closed/d"), Errno::ACCES);
    EXPECT_EQ(remove("/closed/f", Remove::kDirectory), Errno::ACCES);
    EXPECT_EQ(rename("/closed/f", "/closed/d"), Errno::ISDIR);
    EXPECT_EQ(rename("/closed/f", "/closed/e"), Errno::ACCES);
    EXPECT_EQ(link_to("/closed/l", "x"), Errno::ACCES);
    EXPECT_EQ(link_to("/closed/l", ""), Errno::NOENT);
}

TEST_F(NamesTest, opening_what_is_there_and_what_is_not) {
    ASSERT_TRUE(directory("/d").has_value() && open("/f", true).has_value());
    ASSERT_EQ(link_to("/to-f", "f"), kFine);
    ASSERT_EQ(link_to("/to-new", "new"), kFine);
    const auto opened = [&](std::string_view path, auto change) {
        OpenRequest request;
        change(request);
        return error_of(open_path(start(), path, request, who_));
    };
    const auto exclusive = [](OpenRequest& r) { r.create = r.exclusive = true; };
    const auto create = [](OpenRequest& r) { r.create = true; };
    EXPECT_EQ(opened("/f", exclusive), Errno::EXIST);
    EXPECT_EQ(opened("/to-new", exclusive), Errno::EXIST);
    EXPECT_EQ(opened("/to-new", create), kFine);
    EXPECT_EQ(find("/new"), kFine);
    EXPECT_EQ(opened("/d", create), Errno::ISDIR);
    EXPECT_EQ(opened("/none/", create), Errno::ISDIR);
    EXPECT_EQ(opened("/f/", create), Errno::ISDIR);
    EXPECT_EQ(opened("/", exclusive), Errno::EXIST);
    EXPECT_EQ(opened("/d", [](OpenRequest& r) { r.access = Rights::kWrite; }), Errno::ISDIR);
    EXPECT_EQ(opened("/f", [](OpenRequest& r) { r.directory = true; }), Errno::NOTDIR);
    EXPECT_EQ(opened("/to-f", [](OpenRequest& r) { r.last = LastLink::kKeep; }), Errno::LOOP);
    EXPECT_EQ(opened("/to-f",
                     [](OpenRequest& r) {
                         r.last = LastLink::kKeep;
                         r.flags = FileFlags::kPathOnly;
                     }),
              kFine);
}

TEST_F(NamesTest, a_table_of_names_is_a_map_whose_entries_keep_their_places) {
    std::mt19937 random(1);
    NameTable table;
    std::map<std::string, std::size_t> places;
    const Ref<Inode> inode = root().inode().to_ref();
    const auto place_of = [&](std::string_view name) {
        for (std::size_t at = 0; at < table.places(); ++at) {
            if (table.at(at).inode != nullptr && table.at(at).name == name) return at;
        }
        return table.places();
    };
    for (int step = 0; step < 5000; ++step) {
        const std::string name = "n" + std::to_string(random() % 100);
        ASSERT_EQ(static_cast<bool>(table.find(name)), places.contains(name));
        if (places.contains(name)) {
            static_cast<void>(table.remove(name));
            places.erase(name);
        } else {
            ASSERT_TRUE(table.insert(name, inode).has_value());
            places[name] = place_of(name);
            ASSERT_LT(places[name], table.places());
        }
        ASSERT_EQ(table.size(), places.size());
        for (const auto& [known, at] : places) ASSERT_EQ(table.at(at).name, known);
    }
    std::size_t left = 0;
    while (table.take_apart()) ++left;
    EXPECT_EQ(left, places.size());
}

}  // namespace

}  // namespace exo
