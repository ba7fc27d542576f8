#include "lib/alloc/buddy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "lib/alloc/test_source.h"
#include "lib/base/bits.h"

namespace exo::alloc {
namespace {

/// A buddy over a source of its own, the page map's tables outside of it.
class BuddyTest : public testing::Test {
  protected:
    void start(std::size_t pages, bool kernel_memory = false) {
        const std::size_t info_bytes = align_up(pages * sizeof(PageInfo), kPageBytes);
        source_ = std::make_unique<TestSource>(info_bytes + pages * kPageBytes);
        if (kernel_memory) source_->make_like_kernel_memory();
        map_.info = reinterpret_cast<PageInfo*>(source_->source().base);
        map_.base = source_->source().base + info_bytes;
        map_.count = static_cast<PageIndex>(pages);
        classes_.assign(pages, 0);
        map_.classes = classes_.data();
        buddy_ = std::make_unique<Buddy>(source_->source(), map_);
    }

    std::unique_ptr<TestSource> source_;
    PageMap map_;
    std::vector<std::uint8_t> classes_;
    std::unique_ptr<Buddy> buddy_;
};

TEST_F(BuddyTest, gives_back_the_tail_of_a_block) {
    start(4096);
    const auto run = buddy_->allocate(25);  // 100 KiB
    ASSERT_TRUE(run);
    EXPECT_EQ(buddy_->usage().used_pages, 25U);
    // The 7 pages up to the block's end are free: 4, 2 and 1 fit into them.
    const auto four = buddy_->allocate(4);
    const auto two = buddy_->allocate(2);
    const auto one = buddy_->allocate(1);
    ASSERT_TRUE(four && two && one);
    for (const auto& tail : {*four, *two, *one}) {
        EXPECT_GE(tail.page, run->page + 25);
        EXPECT_LT(tail.page, run->page + 32);
    }
}

TEST_F(BuddyTest, aligns_runs) {
    start(1U << 16);
    for (unsigned order = 0; order <= 12; ++order) {
        const auto run = buddy_->allocate(3, order);
        ASSERT_TRUE(run);
        EXPECT_EQ(run->page % (1U << order), 0U) << order;
    }
}

TEST_F(BuddyTest, exhaustion_is_reported_and_all_merges_again) {
    start(2048);
    std::vector<PageIndex> runs;
    while (const auto run = buddy_->allocate(3)) runs.push_back(run->page);
    EXPECT_GE(runs.size(), 2048U / 4);
    EXPECT_FALSE(buddy_->allocate(2048));
    std::shuffle(runs.begin(), runs.end(), std::mt19937(1));
    for (const PageIndex page : runs) buddy_->free(page, 3);
    EXPECT_EQ(buddy_->usage().used_pages, 0U);
    EXPECT_TRUE(buddy_->allocate(2048)) << "everything is one block again";
}

TEST_F(BuddyTest, fresh_pages_are_zero_and_known_to_be) {
    start(1024);
    const auto fresh = buddy_->allocate(8);
    ASSERT_TRUE(fresh);
    EXPECT_TRUE(fresh->zeroed);
    std::memset(map_.address(fresh->page), 1, 8 * kPageBytes);
    buddy_->free(fresh->page, 8);
    const auto used = buddy_->allocate(8);
    ASSERT_TRUE(used);
    EXPECT_EQ(used->page, fresh->page) << "pages that hold memory come first";
    EXPECT_FALSE(used->zeroed);
}

TEST_F(BuddyTest, decommits_beyond_a_share_and_not_at_the_edge) {
    start(1U << 16);
    const auto large = buddy_->allocate(1U << 14);
    ASSERT_TRUE(large);
    buddy_->free(large->page, 1U << 14);
    EXPECT_GT(source_->decommitted(), 0U);
    EXPECT_LE(buddy_->usage().dirty_pages, 2048U);
    const std::size_t before = source_->decommitted();
    for (int i = 0; i < 100; ++i) {
        const auto run = buddy_->allocate(256);
        ASSERT_TRUE(run);
        buddy_->free(run->page, 256);
    }
    EXPECT_EQ(source_->decommitted(), before) << "a megabyte to and fro stays with the heap";
}

TEST_F(BuddyTest, purged_pages_read_as_zero) {
    start(4096);
    const auto run = buddy_->allocate(64);
    ASSERT_TRUE(run);
    std::memset(map_.address(run->page), 0xff, 64 * kPageBytes);
    buddy_->free(run->page, 64);
    buddy_->purge(0);
    EXPECT_EQ(buddy_->usage().dirty_pages, 0U);
    const auto again = buddy_->allocate(64);
    ASSERT_TRUE(again && again->zeroed);
    for (std::size_t i = 0; i < 64 * kPageBytes; ++i) {
        ASSERT_EQ(map_.address(again->page)[i], std::byte{0});
    }
}

TEST_F(BuddyTest, grows_and_shrinks_in_place) {
    start(1U << 14);
    const auto run = buddy_->allocate(5);
    ASSERT_TRUE(run);
    EXPECT_TRUE(buddy_->resize(run->page, 5, 100));
    const auto next = buddy_->allocate(1);
    ASSERT_TRUE(next);
    EXPECT_FALSE(next->page >= run->page && next->page < run->page + 100);
    EXPECT_TRUE(buddy_->resize(run->page, 100, 3));
    EXPECT_EQ(buddy_->usage().used_pages, 4U);
    buddy_->free(next->page, 1);
    EXPECT_TRUE(buddy_->resize(run->page, 3, 5000)) << "past the committed pages";
    EXPECT_EQ(buddy_->usage().used_pages, 5000U);
}

TEST_F(BuddyTest, does_not_grow_over_others) {
    start(1024);
    const auto a = buddy_->allocate(4);
    const auto b = buddy_->allocate(4);
    ASSERT_TRUE(a && b);
    const PageIndex low = std::min(a->page, b->page);
    EXPECT_FALSE(buddy_->resize(low, 4, 5));
    EXPECT_FALSE(buddy_->resize(low, 4, 100000));
}

TEST_F(BuddyTest, cuts_out_a_part) {
    start(1024);
    const auto run = buddy_->allocate(32);
    ASSERT_TRUE(run);
    buddy_->cut(run->page, 32, run->page + 5, 7);
    EXPECT_EQ(buddy_->usage().used_pages, 7U);
    buddy_->free(run->page + 5, 7);
    EXPECT_EQ(buddy_->usage().used_pages, 0U);
}

TEST_F(BuddyTest, kernel_memory_is_neither_zero_nor_given_back) {
    start(2048, true);
    const auto run = buddy_->allocate(1000);
    ASSERT_TRUE(run);
    EXPECT_FALSE(run->zeroed);
    buddy_->free(run->page, 1000);
    EXPECT_EQ(source_->decommitted(), 0U);
    EXPECT_TRUE(buddy_->allocate(2048));
}

TEST_F(BuddyTest, random_runs_never_overlap) {
    start(1U << 14);
    std::mt19937 random(3);
    struct Held {
        PageIndex page;
        std::uint32_t pages;
    };
    std::vector<Held> held;
    std::vector<bool> taken(1U << 14);
    const auto mark = [&](const Held& run, bool value) {
        for (PageIndex page = run.page; page < run.page + run.pages; ++page) {
            ASSERT_NE(taken[page], value);
            taken[page] = value;
        }
    };
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2 == 0 || held.empty()) {
            const Held run{0, 1 + static_cast<std::uint32_t>(random() % 70)};
            const auto got = buddy_->allocate(run.pages, random() % 5);
            if (!got) continue;
            held.push_back({got->page, run.pages});
            mark(held.back(), true);
        } else {
            Held& run = held[random() % held.size()];
            if (random() % 3 == 0) {
                const auto wanted = 1 + static_cast<std::uint32_t>(random() % 90);
                const Held before = run;
                if (!buddy_->resize(run.page, run.pages, wanted)) continue;
                mark(before, false);
                run.pages = wanted;
                mark(run, true);
            } else {
                mark(run, false);
                buddy_->free(run.page, run.pages);
                run = held.back();
                held.pop_back();
            }
        }
    }
    for (const Held& run : held) buddy_->free(run.page, run.pages);
    EXPECT_EQ(buddy_->usage().used_pages, 0U);
    buddy_->purge(0);
    EXPECT_TRUE(buddy_->allocate(1U << 14));
}

}  // namespace
}  // namespace exo::alloc
