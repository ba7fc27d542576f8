// What kernel tests cannot arrange: memory that ends at each single allocation, and any order of
// changes beside a model of what a program should see.
#include "kernel/mm/address_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "kernel/host/cpu.h"
#include "kernel/mm/address_space_fixture.h"

namespace exo {

namespace {

class AddressSpaceTest : public testing::Test {
  protected:
    void TearDown() override { EXPECT_EQ(host::frames_in_use(), 0u); }
    host::Cpu cpu_;
};

/// A bit of everything; stops at the first error, but undoes what it did.
void use_memory() {
    const auto made = AddressSpace::create();
    if (!made) return;
    AddressSpace& space = **made;
    const Loaded loaded(space);
    const auto object = create_anonymous_object();
    const auto at = space.map(anonymous(3 * kMiB));
    if (!at || !object) return;
    MapRequest shared = anonymous(4 * kPageSize);
    shared.object = *object;
    shared.sharing = Sharing::kShared;
    const auto shared_at = space.map(shared);
    poke(*at, 1);
    poke(*at + 2 * kMiB, 2);
    if (shared_at) poke(*shared_at + kPageSize, 3);
    const auto child = space.fork();
    poke(*at, 4);
    static_cast<void>(space.unmap(*at + kMiB, 2 * kPageSize));
    static_cast<void>(space.protect(*at + 2 * kMiB, kPageSize, Protection::kRead));
    static_cast<void>(space.discard(*at + 2 * kMiB + kPageSize, kPageSize));
    static_cast<void>(space.remap(*at + kMiB + 2 * kPageSize, 16 * kPageSize, 4 * kMiB, true));
    (*object)->truncate(kPageSize);
    if (!child) return;
    const Loaded in_child(**child);
    poke(*at + 8, 5);
}

TEST_F(AddressSpaceTest, memory_may_end_anywhere) {
    std::uint64_t after = 0;
    for (;; ++after) {
        bool failed;
        {
            const host::FailAllocations none(after);
            use_memory();
            failed = none.failed();
        }
        ASSERT_EQ(host::frames_in_use(), 0u) << "after " << after << " allocations";
        if (!failed) break;
    }
    EXPECT_GT(after, 20u);
}

/// A change that fails leaves everything as it was.
TEST_F(AddressSpaceTest, what_fails_changes_nothing) {
    for (std::uint64_t after = 0;; ++after) {
        const auto space = AddressSpace::create();
        ASSERT_TRUE(space.has_value());
        const Loaded loaded(**space);
        const auto at = (*space)->map(anonymous(8 * kPageSize));
        ASSERT_TRUE(at.has_value());
        for (std::uint64_t page = 0; page < 8; ++page)
            ASSERT_TRUE(poke(*at + page * kPageSize, page));
        const auto child = (*space)->fork();  // tables are shared now
        ASSERT_TRUE(child.has_value());
        bool failed;
        {
            const host::FailAllocations none(after);
            const bool unmapped = (*space)->unmap(*at + 2 * kPageSize, kPageSize).has_value();
            failed = none.failed();
            EXPECT_EQ(unmapped, !failed);
        }
        EXPECT_EQ(peek(*at + 2 * kPageSize), failed ? 2u : kFault);
        EXPECT_EQ((*space)->mapped_bytes(), (failed ? 8 : 7) * kPageSize);
        for (const std::uint64_t page : {0u, 1u, 3u, 7u})
            EXPECT_EQ(peek(*at + page * kPageSize), page);
        if (!failed) break;
    }
}

constexpr std::uint64_t kWindowPages = 24;

/// Around the border of two last-level tables.
std::uint64_t page_at(std::uint64_t page) {
    constexpr std::uint64_t kBorder = (std::uint64_t{2} << 40) + kLargePageSize;
    return kBorder - kWindowPages / 2 * kPageSize + page * kPageSize;
}

/// A space beside what each of its pages should show; absent: a fault.
struct Modelled {
    Ref<AddressSpace> space;
    std::map<std::uint64_t, std::uint64_t> pages;

    void expect_as_known() {
        const Loaded loaded(*space);
        for (std::uint64_t page = 0; page < kWindowPages; ++page) {
            const auto known = pages.find(page);
            ASSERT_EQ(peek(page_at(page)), known == pages.end() ? kFault : known->second) << page;
        }
    }

    void map(std::uint64_t first, std::uint64_t count) {
        ASSERT_TRUE(space->map(anonymous_at(page_at(first), count * kPageSize)).has_value());
        for (std::uint64_t page = first; page < first + count; ++page) pages[page] = 0;
    }
    void unmap(std::uint64_t first, std::uint64_t count) {
        ASSERT_TRUE(space->unmap(page_at(first), count * kPageSize).has_value());
        for (std::uint64_t page = first; page < first + count; ++page) pages.erase(page);
    }
    /// Holes are an error, and the rest is discarded all the same (madvise(2)).
    void discard(std::uint64_t first, std::uint64_t count) {
        std::uint64_t mapped = 0;
        for (std::uint64_t page = first; page < first + count; ++page) {
            if (!pages.contains(page)) continue;
            pages[page] = 0;
            ++mapped;
        }
        const auto discarded = space->discard(page_at(first), count * kPageSize);
        ASSERT_EQ(discarded.has_value(), mapped == count);
    }
    void write(std::uint64_t page, std::uint64_t value) {
        ASSERT_EQ(poke(page_at(page), value), pages.contains(page));
        if (pages.contains(page)) pages[page] = value;
    }
};

TEST_F(AddressSpaceTest, any_order_of_changes_and_forks) {
    std::mt19937_64 random(1);
    std::vector<Modelled> family;
    family.push_back({*AddressSpace::create(), {}});
    for (int step = 0; step < 4000; ++step) {
        const std::size_t who = random() % family.size();
        const std::uint64_t what = random() % 8;
        if (what == 0 && family.size() == 6) {
            family.erase(family.begin() + static_cast<std::ptrdiff_t>(who));
        } else if (what == 0) {
            auto child = family[who].space->fork();
            ASSERT_TRUE(child.has_value());
            family.push_back({*child, family[who].pages});
        } else {
            Modelled& each = family[who];
            const Loaded loaded(*each.space);
            const std::uint64_t first = random() % kWindowPages;
            const std::uint64_t most = std::min<std::uint64_t>(6, kWindowPages - first);
            const std::uint64_t count = 1 + random() % most;
            if (what == 1) each.map(first, count);
            if (what == 2) each.unmap(first, count);
            if (what == 3) each.discard(first, count);
            if (what > 3) each.write(first, 1 + random() % 1000);
        }
        if (step % 16 != 0) continue;
        for (Modelled& each : family) ASSERT_NO_FATAL_FAILURE(each.expect_as_known()) << step;
    }
}

}  // namespace

}  // namespace exo
