// Address spaces through the eyes of a program: what user copies read and write.
#include "kernel/mm/address_space.h"

#include <algorithm>
#include <array>

#include "kernel/core/ktest.h"
#include "kernel/mm/address_space_fixture.h"
#include "kernel/mm/frames.h"

namespace exo {

namespace {

std::uint64_t used_bytes() {
    static_cast<void>(reclaim());
    const MemoryUse use = memory_use();
    return use.total_bytes - use.free_bytes;
}

unsigned mappings_of(AddressSpace& space) {
    unsigned count = 0;
    space.for_each_mapping([&](const MappingInfo&) {
        ++count;
        return true;
    });
    return count;
}

}  // namespace

KERNEL_TEST(anonymous_memory_reads_zero_until_it_is_written) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    const Loaded loaded(**space);
    const auto at = (*space)->map(anonymous(4 * kMiB));
    KTEST_REQUIRE(at);
    KTEST_EXPECT_EQ((*space)->resident_bytes(), std::uint64_t{0});
    for (std::uint64_t page = 0; page < 4 * kMiB; page += 16 * kPageSize) {
        KTEST_EXPECT_EQ(peek(*at + page), std::uint64_t{0});
        KTEST_EXPECT(poke(*at + page, page + 1));
    }
    for (std::uint64_t page = 0; page < 4 * kMiB; page += 16 * kPageSize) {
        KTEST_EXPECT_EQ(peek(*at + page), page + 1);
        KTEST_EXPECT_EQ(peek(*at + page + kPageSize), std::uint64_t{0});
    }
    KTEST_EXPECT_EQ((*space)->resident_bytes(), 4 * kMiB / 16);
    KTEST_EXPECT((*space)->discard(*at, kMiB));
    KTEST_EXPECT_EQ(peek(*at), std::uint64_t{0});
    KTEST_EXPECT((*space)->unmap(*at, 2 * kMiB));
    KTEST_EXPECT_EQ(peek(*at), kFault);
    KTEST_EXPECT(!poke(*at + 2 * kMiB - 8, 1));
    KTEST_EXPECT_EQ(peek(*at + 2 * kMiB), 2 * kMiB + 1);
    KTEST_EXPECT_EQ((*space)->mapped_bytes(), 2 * kMiB);
}

KERNEL_TEST(protection_is_enforced_and_comes_back) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    const Loaded loaded(**space);
    const auto at = (*space)->map(anonymous(8 * kPageSize));
    KTEST_REQUIRE(at);
    KTEST_EXPECT(poke(*at + kPageSize, 7));
    KTEST_EXPECT((*space)->protect(*at + kPageSize, kPageSize, Protection::kRead));
    KTEST_EXPECT_EQ(mappings_of(**space), 3U);
    KTEST_EXPECT(!poke(*at + kPageSize, 8));
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{7});
    KTEST_EXPECT((*space)->protect(*at + kPageSize, kPageSize, Protection::kNone));
    KTEST_EXPECT_EQ(peek(*at + kPageSize), kFault);
    KTEST_EXPECT((*space)->protect(*at, 8 * kPageSize, kReadWrite));
    KTEST_EXPECT_EQ(mappings_of(**space), 1U);
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{7});
    KTEST_EXPECT(poke(*at + kPageSize, 9));
    KTEST_EXPECT_EQ((*space)->protect(*at, 16 * kPageSize, kReadWrite).error(), Errno::NOMEM);
    KTEST_EXPECT((*space)->fault(*at, FaultKind::kExecute) == FaultResult::kForbidden);
    KTEST_EXPECT((*space)->fault(*at - kPageSize, FaultKind::kRead) == FaultResult::kUnmapped);
}

KERNEL_TEST(placement_merges_splits_and_respects_what_is_there) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    AddressSpace& s = **space;
    const auto high = s.map(anonymous(kMiB));
    const auto low = s.map(anonymous(kMiB));
    KTEST_REQUIRE(high && low);
    KTEST_EXPECT_EQ(*low, *high - kMiB);
    KTEST_EXPECT_EQ(mappings_of(s), 1U);
    MapRequest wish = anonymous_at(*low + kPageSize, kPageSize);
    wish.placement = Placement::kFixedNoReplace;
    KTEST_EXPECT_EQ(s.map(wish).error(), Errno::EXIST);
    wish.placement = Placement::kFixed;
    wish.protection = Protection::kRead;
    KTEST_EXPECT_EQ(s.map(wish).value_or(0), *low + kPageSize);
    KTEST_EXPECT_EQ(mappings_of(s), 3U);
    KTEST_EXPECT_EQ(s.mapped_bytes(), 2 * kMiB);
    KTEST_EXPECT_EQ(s.map(anonymous_at(arch::kUserEnd, kPageSize)).error(), Errno::NOMEM);
    KTEST_EXPECT_EQ(s.map(anonymous_at(0x1001, kPageSize)).error(), Errno::INVAL);
    KTEST_EXPECT_EQ(s.map(anonymous(~std::uint64_t{0})).error(), Errno::NOMEM);
    KTEST_EXPECT_EQ(s.map(anonymous(0)).error(), Errno::INVAL);
    s.set_limit(3 * kMiB);
    KTEST_EXPECT_EQ(s.map(anonymous(kMiB + kPageSize)).error(), Errno::NOMEM);
    KTEST_EXPECT(s.map(anonymous(kMiB)));
}

KERNEL_TEST(fork_copies_on_write) {
    const std::uint64_t before = used_bytes();
    {
        const auto parent = AddressSpace::create();
        KTEST_REQUIRE(parent);
        const auto at = (*parent)->map(anonymous(5 * kMiB));
        KTEST_REQUIRE(at);
        const Loaded loaded(**parent);
        for (std::uint64_t page = 0; page < 5 * kMiB; page += kPageSize) {
            KTEST_REQUIRE(poke(*at + page, page + 1));
        }
        const std::uint64_t filled = used_bytes();
        const auto child = (*parent)->fork();
        KTEST_REQUIRE(child);
        KTEST_EXPECT(used_bytes() - filled < 64 * 1024);
        KTEST_EXPECT(poke(*at, 1000));
        {
            const Loaded in_child(**child);
            KTEST_EXPECT_EQ(peek(*at), std::uint64_t{1});
            KTEST_EXPECT_EQ(peek(*at + 3 * kMiB), 3 * kMiB + 1);
            KTEST_EXPECT(poke(*at + 3 * kMiB, 2000));
            KTEST_EXPECT((*child)->unmap(*at + kMiB, kPageSize));
            KTEST_EXPECT((*child)->protect(*at + 4 * kMiB, kPageSize, Protection::kRead));
            KTEST_EXPECT(!poke(*at + 4 * kMiB, 5));
            KTEST_EXPECT_EQ(peek(*at + kMiB), kFault);
        }
        KTEST_EXPECT_EQ(peek(*at), std::uint64_t{1000});
        KTEST_EXPECT_EQ(peek(*at + 3 * kMiB), 3 * kMiB + 1);
        KTEST_EXPECT_EQ(peek(*at + kMiB), kMiB + 1);
        KTEST_EXPECT(poke(*at + 4 * kMiB, 6));
        const auto grandchild = (*child)->fork();
        KTEST_REQUIRE(grandchild);
        (*child)->clear();
        const Loaded in_grandchild(**grandchild);
        KTEST_EXPECT_EQ(peek(*at + 3 * kMiB), std::uint64_t{2000});
        KTEST_EXPECT_EQ(peek(*at + 2 * kMiB), 2 * kMiB + 1);
        KTEST_EXPECT_EQ(peek(*at + 4 * kMiB), 4 * kMiB + 1);
    }
    KTEST_EXPECT(used_bytes() < before + 256 * 1024);
}

KERNEL_TEST(forks_in_a_row_leave_no_memory_behind) {
    const auto parent = AddressSpace::create();
    KTEST_REQUIRE(parent);
    const auto at = (*parent)->map(anonymous(kMiB));
    KTEST_REQUIRE(at);
    const Loaded loaded(**parent);
    std::uint64_t before = 0;
    for (std::uint64_t round = 0; round < 500; ++round) {
        if (round == 20) before = used_bytes();
        KTEST_REQUIRE(poke(*at, round));
        const auto child = (*parent)->fork();
        KTEST_REQUIRE(child);
        const Loaded in_child(**child);
        KTEST_REQUIRE(peek(*at) == round && poke(*at + kPageSize, round));
    }
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{0});
    KTEST_EXPECT(used_bytes() < before + 64 * 1024);
}

KERNEL_TEST(shared_objects_are_one_memory_and_shrink_everywhere) {
    const auto object = create_anonymous_object();
    const auto first = AddressSpace::create();
    KTEST_REQUIRE(object && first);
    MapRequest request = anonymous(4 * kPageSize);
    request.object = *object;
    request.sharing = Sharing::kShared;
    const auto at = (*first)->map(request);
    request.sharing = Sharing::kPrivate;
    const auto copied_at = (*first)->map(request);
    KTEST_REQUIRE(at && copied_at);
    const Loaded loaded(**first);
    KTEST_EXPECT(poke(*at + kPageSize, 11));
    KTEST_EXPECT_EQ(peek(*copied_at + kPageSize), std::uint64_t{11});
    KTEST_EXPECT(poke(*copied_at + kPageSize, 12));
    KTEST_EXPECT(poke(*copied_at + 2 * kPageSize, 14));
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{11});
    const auto child = (*first)->fork();
    KTEST_REQUIRE(child);
    {
        const Loaded in_child(**child);
        KTEST_EXPECT(poke(*at + kPageSize, 13));
        KTEST_EXPECT_EQ(peek(*copied_at + kPageSize), std::uint64_t{12});
    }
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{13});
    KTEST_EXPECT(poke(*at + 3 * kPageSize, 15));
    (*object)->truncate(kPageSize + 100);
    KTEST_EXPECT_EQ((*object)->resident_bytes(), std::uint64_t{kPageSize});
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{13});
    KTEST_EXPECT_EQ(peek(*at + 3 * kPageSize), kFault);
    KTEST_EXPECT((*first)->fault(*at + 3 * kPageSize, FaultKind::kRead) == FaultResult::kBeyondEnd);
    const Loaded in_child(**child);
    KTEST_EXPECT_EQ(peek(*at + kPageSize), std::uint64_t{13});
    KTEST_EXPECT_EQ(peek(*at + 2 * kPageSize), kFault);
    KTEST_EXPECT_EQ(peek(*copied_at + kPageSize), std::uint64_t{12});
}

KERNEL_TEST(stacks_grow_to_their_limit_and_keep_a_gap) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    AddressSpace& s = **space;
    const std::uint64_t top = 0x7000'0000'0000;
    MapRequest stack = anonymous_at(top - kPageSize, kPageSize);
    stack.grows_down = true;
    KTEST_REQUIRE(s.map(stack));
    s.set_stack_limit(4 * kMiB);
    const Loaded loaded(s);
    KTEST_EXPECT(poke(top - kMiB, 1));
    KTEST_EXPECT_EQ(s.mapped_bytes(), kMiB);
    KTEST_EXPECT(poke(top - 4 * kMiB, 2));
    KTEST_EXPECT(!poke(top - 4 * kMiB - 8, 3));
    s.set_stack_limit(16 * kMiB);
    KTEST_REQUIRE(s.map(anonymous_at(top - 8 * kMiB, kMiB)));
    KTEST_EXPECT(poke(top - 6 * kMiB, 4));
    KTEST_EXPECT(!poke(top - 6 * kMiB - 8, 5));
}

KERNEL_TEST(remapping_moves_pages) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    AddressSpace& s = **space;
    KTEST_REQUIRE(s.map(anonymous(kPageSize, Protection::kRead)));  // right above the next
    const auto at = s.map(anonymous(8 * kPageSize));
    KTEST_REQUIRE(at);
    const Loaded loaded(s);
    for (std::uint64_t page = 0; page < 8; ++page) KTEST_EXPECT(poke(*at + page * kPageSize, page));
    KTEST_EXPECT_EQ(s.remap(*at, 8 * kPageSize, 6 * kPageSize, false).value_or(0), *at);
    KTEST_EXPECT_EQ(peek(*at + 6 * kPageSize), kFault);
    KTEST_EXPECT_EQ(s.remap(*at, 6 * kPageSize, 8 * kPageSize, false).value_or(0), *at);
    KTEST_EXPECT_EQ(peek(*at + 6 * kPageSize), std::uint64_t{0});
    KTEST_EXPECT_EQ(s.remap(*at, 8 * kPageSize, kMiB, false).error(), Errno::NOMEM);
    const auto child = s.fork();
    KTEST_REQUIRE(child);
    const auto moved = s.remap(*at, 8 * kPageSize, 3 * kMiB, true);
    KTEST_REQUIRE(moved);
    KTEST_EXPECT_EQ(peek(*at), kFault);
    for (std::uint64_t page = 0; page < 6; ++page) {
        KTEST_EXPECT_EQ(peek(*moved + page * kPageSize), page);
    }
    KTEST_EXPECT(poke(*moved + 3 * kMiB - 8, 1));
    const Loaded in_child(**child);
    KTEST_EXPECT_EQ(peek(*at + 5 * kPageSize), std::uint64_t{5});
}

KERNEL_TEST(memory_that_runs_out_is_an_error_and_comes_back) {
    const std::uint64_t before = used_bytes();
    {
        const auto space = AddressSpace::create();
        KTEST_REQUIRE(space);
        const std::uint64_t wanted = memory_use().total_bytes * 2;
        const auto at = (*space)->map(anonymous(wanted));
        KTEST_REQUIRE(at);
        const Loaded loaded(**space);
        std::uint64_t page = 0;
        while (page < wanted && poke(*at + page, 1)) page += kPageSize;
        KTEST_EXPECT(page < wanted);
        KTEST_EXPECT(page > before / 2);
        KTEST_EXPECT((*space)->fault(*at + page, FaultKind::kWrite) == FaultResult::kNoMemory);
        KTEST_EXPECT_EQ(peek(*at), std::uint64_t{1});
        KTEST_EXPECT((*space)->unmap(*at, wanted));
    }
    KTEST_EXPECT(used_bytes() < before + kMiB);
}

KERNEL_TEST(a_space_is_read_without_being_loaded) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    const auto at = (*space)->map(anonymous(3 * kPageSize));
    KTEST_REQUIRE(at);
    {
        const Loaded loaded(**space);
        KTEST_EXPECT(poke(*at + kPageSize - 8, 1));
        KTEST_EXPECT(poke(*at + kPageSize, 2));
    }
    // The last page was never touched, and behind it is nothing.
    KTEST_EXPECT((*space)->unmap(*at + 2 * kPageSize, kPageSize).has_value());
    std::array<std::uint64_t, 1024> words;
    words.fill(7);
    const auto bytes = std::as_writable_bytes(std::span(words));
    KTEST_EXPECT_EQ((*space)->read(*at + kPageSize - 8, bytes), kPageSize + 8);
    KTEST_EXPECT_EQ(words[0], std::uint64_t{1});
    KTEST_EXPECT_EQ(words[1], std::uint64_t{2});
    KTEST_EXPECT_EQ(words[2], std::uint64_t{0});
    KTEST_EXPECT_EQ(words[kPageSize / 8 + 1], std::uint64_t{7});
    KTEST_EXPECT((*space)->protect(*at, kPageSize, Protection::kNone).has_value());
    KTEST_EXPECT_EQ((*space)->read(*at, bytes), std::size_t{0});
    KTEST_EXPECT_EQ((*space)->read(arch::kUserEnd, bytes), std::size_t{0});
    KTEST_EXPECT_EQ((*space)->read(~std::uint64_t{0} - 8, bytes), std::size_t{0});
    // Nothing is kept referenced: the page is written in place, not copied.
    const std::uint64_t used = used_bytes();
    const Loaded loaded(**space);
    KTEST_EXPECT(poke(*at + kPageSize, 3));
    KTEST_EXPECT_EQ(used_bytes(), used);
}

}  // namespace exo
