// Allocations that fail one after the other, wherever a call makes one: it says NOMEM, what was
// there before is there still, and nothing is lost.
#include "kernel/mm/failing.h"

#include "kernel/core/ktest.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/thread.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/reserve.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/box.h"

namespace exo {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr unsigned kMostAllocations = 200;

class Loaded {
  public:
    explicit Loaded(AddressSpace& space) { use_space(&space.machine()); }
    ~Loaded() { use_space(nullptr); }
    Loaded(const Loaded&) = delete;
    Loaded& operator=(const Loaded&) = delete;
};

std::uint64_t used_bytes() {
    static_cast<void>(reclaim());
    const MemoryUse use = memory_use();
    return use.total_bytes - use.free_bytes;
}

bool poke(std::uint64_t at, std::uint64_t value) {
    return UserOut<std::uint64_t>{{at}}.write(value).has_value();
}

/// A byte: a longer copy goes on bytewise where it fails, and tries the same fault again.
bool poke_byte(std::uint64_t at, std::uint8_t value) {
    return UserOut<std::uint8_t>{{at}}.write(value).has_value();
}

std::uint64_t peek(std::uint64_t at) {
    return UserIn<std::uint64_t>{{at}}.read().value_or(~std::uint64_t{0});
}

MapRequest anonymous(std::uint64_t length) {
    MapRequest request;
    request.length = length;
    request.protection = Protection::kRead | Protection::kWrite;
    return request;
}

/// Lets the first, second, third... allocation of `call` fail until it makes so few that none does.
/// `call` says whether it succeeded. How many there were.
template <typename Call>
unsigned fail_each(Call call) {
    for (unsigned nth = 1; nth < kMostAllocations; ++nth) {
        FailingAllocations failing(nth);
        const bool succeeded = call();
        if (!failing.has_failed()) {
            KTEST_EXPECT(succeeded);
            return nth - 1;
        }
        KTEST_EXPECT(!succeeded);
    }
    ktest::fail(__FILE_NAME__, __LINE__, "the call allocates without end");
    return 0;
}

}  // namespace

KERNEL_TEST(fork_survives_each_allocation_that_fails) {
    const auto parent = AddressSpace::create();
    KTEST_REQUIRE(parent);
    AddressSpace& space = **parent;
    const auto at = space.map(anonymous(8 * kMiB));
    KTEST_REQUIRE(at);
    const Loaded loaded(space);
    for (std::uint64_t page = 0; page < 8 * kMiB; page += kMiB)
        KTEST_EXPECT(poke(*at + page, page));
    const std::uint64_t before = used_bytes();
    const unsigned allocations = fail_each([&] { return space.fork().has_value(); });
    KTEST_EXPECT(allocations >= 4);
    for (std::uint64_t page = 0; page < 8 * kMiB; page += kMiB) {
        KTEST_EXPECT_EQ(peek(*at + page), page);
        KTEST_EXPECT(poke(*at + page, page));
    }
    KTEST_EXPECT_EQ(used_bytes(), before);
}

KERNEL_TEST(faults_and_changes_of_mappings_survive_each_allocation_that_fails) {
    const auto made = AddressSpace::create();
    KTEST_REQUIRE(made);
    AddressSpace& space = **made;
    const auto at = space.map(anonymous(4 * kMiB));
    KTEST_REQUIRE(at);
    const Loaded loaded(space);
    std::uint64_t page = *at;
    KTEST_EXPECT(fail_each([&] { return poke_byte(page, 1); }) >= 1);
    const auto child = space.fork();
    KTEST_REQUIRE(child);
    // The table is shared now: a write copies it, and the page.
    KTEST_EXPECT(fail_each([&] { return poke_byte(page, 2); }) >= 2);
    KTEST_EXPECT_EQ(peek(page), std::uint64_t{2});
    const auto read_only = [&] {
        return space.protect(*at + kMiB, kPageSize, Protection::kRead).has_value();
    };
    KTEST_EXPECT(fail_each(read_only) >= 2);
    KTEST_EXPECT(fail_each([&] { return space.unmap(*at + 2 * kMiB, kPageSize).has_value(); }) >=
                 1);
    const auto move = [&] { return space.remap(*at, kMiB, 16 * kMiB, true).has_value(); };
    KTEST_EXPECT(fail_each(move) >= 1);
}

KERNEL_TEST(the_reserve_serves_the_kernel_when_programs_have_taken_all) {
    const std::uint64_t before = used_bytes();
    {
        const auto space = AddressSpace::create();
        KTEST_REQUIRE(space);
        const std::uint64_t wanted = memory_use().total_bytes * 2;
        const auto at = (*space)->map(anonymous(wanted));
        KTEST_REQUIRE(at);
        const Loaded loaded(**space);
        std::uint64_t page = *at;
        while (poke(page, 1)) page += kPageSize;
        KTEST_EXPECT_EQ(allocate_frame(Fill::kNone).error(), Errno::NOMEM);
        // Larger than what caches may still hold of it.
        struct Large {
            std::byte bytes[24 * 1024];
        };
        auto large = Box<Large>::create();
        KTEST_EXPECT(large.has_value());
        KTEST_EXPECT(reserve_is_wanted());
        KTEST_EXPECT_EQ(allocate_frame(Fill::kNone).error(), Errno::NOMEM);
        (*space)->doom();
        KTEST_EXPECT_EQ((*space)->resident_bytes(), std::uint64_t{0});
        KTEST_EXPECT((*space)->fault(*at, FaultKind::kRead) == FaultResult::kNoMemory);
        reserve_relieved();
        KTEST_EXPECT(!reserve_is_wanted());
        const auto frame = allocate_frame(Fill::kNone);
        KTEST_EXPECT(frame.has_value());
        if (frame) unref_frame(*frame);
    }
    KTEST_EXPECT(used_bytes() < before + kMiB);
}

}  // namespace exo
