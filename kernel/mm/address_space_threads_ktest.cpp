// An address space on several CPUs at once.
#include <array>

#include "kernel/core/ktest.h"
#include "kernel/mm/address_space_fixture.h"

namespace exo {

namespace {

/// Threads of one program that count in its memory while it forks.
struct Counting {
    static constexpr unsigned kThreads = 4;
    static constexpr std::uint64_t kPages = 16;

    AddressSpace& space;
    std::uint64_t base;
    Atomic<bool> stop{false};
    Atomic<unsigned> next{0};
    Atomic<unsigned> ended{0};
    Atomic<std::uint64_t> lost{0};

    static void run(void* argument) {
        auto& self = *static_cast<Counting*>(argument);
        self.count(self.next.fetch_add(1));
        self.ended.fetch_add(1);
    }

    void count(unsigned thread) {
        const Loaded loaded(space);
        // Words of all threads lie in the same pages.
        const std::uint64_t word = base + thread * sizeof(std::uint64_t);
        for (std::uint64_t round = 1; !stop.load(); ++round) {
            for (std::uint64_t page = 0; page < kPages; ++page) {
                const std::uint64_t at = word + page * kPageSize;
                if (peek(at) != round - 1 || !poke(at, round)) lost.fetch_add(1);
            }
            if (should_yield()) yield();
        }
    }
};

}  // namespace

KERNEL_TEST(no_write_is_lost_while_a_program_with_threads_forks) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    const auto at = (*space)->map(anonymous(Counting::kPages * kPageSize));
    KTEST_REQUIRE(at);
    Counting counting{**space, *at};
    unsigned started = 0;
    for (; started < Counting::kThreads; ++started) {
        const auto thread = Thread::create_kernel("counter", &Counting::run, &counting);
        if (!thread) break;
        start_thread(**thread);
    }
    KTEST_EXPECT_EQ(started, Counting::kThreads);
    for (int round = 0; round < 200; ++round) {
        const auto child = (*space)->fork();
        KTEST_EXPECT(child.has_value());
        if (!child) break;
        const Loaded loaded(**child);
        // What the child sees does not change any more.
        std::array<std::uint64_t, Counting::kPages> seen;
        for (std::uint64_t page = 0; page < seen.size(); ++page) {
            seen[page] = peek(*at + page * kPageSize);
        }
        yield();
        for (std::uint64_t page = 0; page < seen.size(); ++page) {
            KTEST_EXPECT_EQ(peek(*at + page * kPageSize), seen[page]);
        }
        if (round % 2 == 0) KTEST_EXPECT(poke(*at, 1));
    }
    counting.stop.store(true);
    while (counting.ended.load() != started) yield();
    KTEST_EXPECT_EQ(counting.lost.load(), std::uint64_t{0});
    const Loaded loaded(**space);
    KTEST_EXPECT(peek(*at) > 0);
}

}  // namespace exo
