// What the checker must find in small wrong programs, and must not find in right ones.
#include "lib/base/model/checker.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "lib/base/atomic.h"
#include "lib/base/cpu.h"
#include "lib/base/panic.h"

namespace exo::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

// One slot that a flag hands over, there and back: the pattern of every ring. The orders are
// parameters so that wrong ones can be shown to fail.
struct Slot {
    Atomic<std::uint32_t> full{0};
    int payload = 0;
};

// Spins until `word`, loaded with `order`, is `wanted`.
template <typename T>
void await(const Atomic<T>& word, T wanted, std::memory_order order) {
    for (;;) {
        begin_round();
        if (word.load(order) == wanted) return;
        cpu_relax();
    }
}

Report hand_over(std::memory_order publish, std::memory_order observe,
                 const Options& options = {}) {
    return check(options, [=](Program& program) {
        auto& slot = program.make<Slot>();
        program.name(slot.full, "full");
        program.thread("producer", [&slot, publish, observe] {
            for (int i = 1; i <= 2; ++i) {
                await(slot.full, 0U, observe);
                EXO_RACE_CHECK_WRITE(&slot.payload, sizeof(int));
                slot.payload = i;
                slot.full.store(1, publish);
            }
        });
        program.thread("consumer", [&slot, publish, observe] {
            for (int i = 1; i <= 2; ++i) {
                await(slot.full, 1U, observe);
                EXO_RACE_CHECK_READ(&slot.payload, sizeof(int));
                EXO_MODEL_REQUIRE(slot.payload == i, "message lost");
                slot.full.store(0, publish);
            }
        });
    });
}

TEST(Checker, accepts_a_right_hand_over) {
    const Report report = hand_over(kRelease, kAcquire);
    EXPECT_TRUE(report.passed()) << report.text();
    EXPECT_GT(report.executions, 1u);
    EXPECT_TRUE(hand_over(kRelease, kAcquire, {.spin = Spin::kFirstTry}).passed());
}

TEST(Checker, finds_the_race_when_an_order_is_too_weak) {
    for (const Spin spin : {Spin::kRetry, Spin::kFirstTry}) {
        const Report no_release = hand_over(kRelaxed, kAcquire, {.spin = spin});
        EXPECT_NE(no_release.failure.find("data race: consumer reads"), std::string::npos)
            << no_release.text();
        const Report no_acquire = hand_over(kRelease, kRelaxed, {.spin = spin});
        EXPECT_NE(no_acquire.failure.find("data race"), std::string::npos) << no_acquire.text();
    }
}

TEST(Checker, prints_the_interleaving_and_replays_it) {
    const Report report = hand_over(kRelaxed, kAcquire);
    EXPECT_NE(report.trace.find("producer     full store relaxed: 0x1"), std::string::npos)
        << report.trace;
    EXPECT_NE(report.trace.find("checker_test.cpp:"), std::string::npos);
    setenv("EXO_MODEL_REPLAY", report.decisions.c_str(), 1);
    const Report again = hand_over(kRelaxed, kAcquire);
    unsetenv("EXO_MODEL_REPLAY");
    EXPECT_EQ(again.failure, report.failure);
    EXPECT_EQ(again.trace, report.trace);
    EXPECT_EQ(again.executions, 1u);
}

TEST(Checker, weakens_one_order_at_a_time) {
    const auto run = [](std::optional<OrderSite> weaken) {
        return check({.weaken = std::move(weaken)}, [](Program& program) {
            auto& slot = program.make<Slot>();
            program.thread("producer", [&slot] {
                EXO_RACE_CHECK_WRITE(&slot.payload, sizeof(int));
                slot.full.store(1, kRelease);
            });
            program.thread("consumer", [&slot] {
                std::uint32_t one = 1;
                if (slot.full.compare_exchange_strong(one, 2, std::memory_order_acq_rel, kAcquire))
                    EXO_RACE_CHECK_READ(&slot.payload, sizeof(int));
            });
        });
    };
    const Report whole = run({});
    EXPECT_TRUE(whole.passed()) << whole.text();
    ASSERT_EQ(whole.orders.size(), 4u);
    std::size_t needed = 0;
    for (const OrderSite& site : whole.orders)
        if (!run(site).passed()) ++needed;
    EXPECT_EQ(needed, 2u);  // the store's release, the exchange's acquire
}

TEST(Checker, finds_overlap_of_ranges_only) {
    const auto run = [](std::size_t offset, std::size_t size) {
        return check({}, [=](Program& program) {
            auto& bytes = program.make<std::array<char, 64>>();
            program.thread("a", [&bytes] { EXO_RACE_CHECK_WRITE(&bytes[8], 8); });
            program.thread("b",
                           [&bytes, offset, size] { EXO_RACE_CHECK_WRITE(&bytes[offset], size); });
        });
    };
    EXPECT_TRUE(run(0, 8).passed());
    EXPECT_TRUE(run(16, 8).passed());
    EXPECT_FALSE(run(15, 4).passed());
    EXPECT_FALSE(run(0, 64).passed());
    EXPECT_FALSE(run(10, 1).passed());
}

TEST(Checker, readers_do_not_race_with_each_other) {
    const Report report = check({}, [](Program& program) {
        auto& word = program.make<int>(0);
        for (int i = 0; i < 3; ++i)
            program.thread("reader", [&] { EXO_RACE_CHECK_READ(&word, sizeof word); });
    });
    EXPECT_TRUE(report.passed()) << report.text();
}

TEST(Checker, finds_a_requirement_broken_by_a_stale_read) {
    // Dekker's entry without fences: right in every interleaving, wrong on every machine.
    const auto run = [](bool fenced) {
        struct Flags {
            Atomic<int> wants[2]{0, 0};
            Atomic<int> inside{0};
        };
        return check({}, [=](Program& program) {
            auto& flags = program.make<Flags>();
            for (unsigned me = 0; me < 2; ++me)
                program.thread("t", [&flags, me, fenced] {
                    flags.wants[me].store(1, kRelaxed);
                    if (fenced) full_fence();
                    if (flags.wants[1 - me].load(kRelaxed) != 0) return;
                    EXO_MODEL_REQUIRE(flags.inside.fetch_add(1) == 0, "both are inside");
                });
        });
    };
    EXPECT_TRUE(run(true).passed());
    const Report broken = run(false);
    EXPECT_NE(broken.failure.find("both are inside"), std::string::npos) << broken.text();
}

TEST(Checker, a_panic_is_a_failure_with_a_trace) {
    const Report report = check({}, [](Program& program) {
        auto& x = program.make<Atomic<int>>(0);
        program.thread("a", [&] { x.store(1); });
        program.thread("b", [&] { EXO_CHECK(x.load() == 0, "x was set"); });
    });
    EXPECT_NE(report.failure.find("x was set"), std::string::npos);
    EXPECT_NE(report.trace.find("load seq_cst: 0x1"), std::string::npos) << report.trace;
}

TEST(Checker, finds_a_spin_that_nobody_ends) {
    for (const Spin spin : {Spin::kRetry, Spin::kFirstTry}) {
        const Report report = check({.spin = spin}, [](Program& program) {
            auto& x = program.make<Atomic<int>>(0);
            program.thread("setter", [&] {
                if (x.exchange(2) == 1) x.store(1);
            });
            program.thread("spinner", [&] {
                if (x.exchange(1) == 2) return;
                await(x, 1, std::memory_order_seq_cst);
            });
        });
        EXPECT_TRUE(report.passed()) << report.text();
        const Report stuck = check({.spin = spin}, [](Program& program) {
            auto& x = program.make<Atomic<int>>(0);
            program.thread("setter", [&] { x.store(2); });
            program.thread("spinner", [&] {
                if (x.exchange(1) == 2) return;
                await(x, 1, std::memory_order_seq_cst);
            });
        });
        EXPECT_NE(stuck.failure.find("deadlock: spinner spins"), std::string::npos) << stuck.text();
    }
}

// A thread that has read a value twice, the first time a stale one, must look again.
TEST(Checker, a_spin_goes_on_when_its_first_read_was_stale) {
    const Report report = check({}, [](Program& program) {
        auto& x = program.make<Atomic<int>>(0);
        program.thread("setter", [&] { x.store(1); });
        program.thread("spinner", [&] {
            for (;;) {
                if (x.load(kRelaxed) == 1) return;
                static_cast<void>(x.load(kRelaxed));
                cpu_relax();
            }
        });
    });
    EXPECT_TRUE(report.passed()) << report.text();
}

TEST(Checker, first_try_spinning_needs_rounds) {
    const Report report = check({.spin = Spin::kFirstTry}, [](Program& program) {
        auto& x = program.make<Atomic<int>>(0);
        program.thread("setter", [&] { x.store(1); });
        program.thread("spinner", [&] {
            while (x.load() != 1) cpu_relax();
        });
    });
    EXPECT_NE(report.failure.find("needs begin_round()"), std::string::npos) << report.text();
}

TEST(Checker, finds_two_that_keep_each_other_busy) {
    const Report report = check({.max_steps = 200}, [](Program& program) {
        auto& x = program.make<Atomic<int>>(0);
        for (int me = 1; me <= 2; ++me)
            program.thread("polite", [&x, me] {
                do {
                    x.store(me);
                    cpu_relax();
                } while (x.load() != me);
                x.store(3);
            });
    });
    EXPECT_FALSE(report.passed());
}

// A wake-up protocol: the sleeper announces itself, looks again, sleeps; the waker changes the
// state, then looks for sleepers.
struct Bell {
    Atomic<std::uint32_t> rings{0};
    Atomic<std::uint32_t> sleepers{0};
    Atomic<int> ready{0};
};

Report ring_bell(bool look_again, bool fenced) {
    return check({}, [=](Program& program) {
        auto& bell = program.make<Bell>();
        program.thread("sleeper", [&bell, look_again, fenced] {
            if (bell.ready.load(kAcquire) != 0) return;
            const std::uint32_t seen = bell.rings.load(kAcquire);
            bell.sleepers.store(1, kRelaxed);
            if (fenced) full_fence();
            if (look_again && bell.ready.load(kAcquire) != 0) return;
            wait(bell.rings, seen);
        });
        program.thread("waker", [&bell, fenced] {
            bell.ready.store(1, kRelease);
            if (fenced) full_fence();
            if (bell.sleepers.load(kRelaxed) == 0) return;
            bell.rings.fetch_add(1, kRelease);
            wake(bell.rings, 1);
        });
    });
}

TEST(Checker, finds_lost_wake_ups) {
    EXPECT_TRUE(ring_bell(true, true).passed()) << ring_bell(true, true).text();
    const Report unfenced = ring_bell(true, false);
    EXPECT_NE(unfenced.failure.find("deadlock: sleeper sleeps"), std::string::npos)
        << unfenced.text();
    EXPECT_NE(ring_bell(false, true).failure.find("deadlock"), std::string::npos);
}

TEST(Checker, a_wake_chooses_any_sleeper) {
    std::set<int> first;
    const Report report = check({}, [&](Program& program) {
        struct State {
            Atomic<std::uint32_t> word{0};
            Atomic<int> first{0};
        };
        auto& state = program.make<State>();
        for (int me = 1; me <= 2; ++me)
            program.thread("sleeper", [&state, me] {
                wait(state.word, 0);
                int nobody = 0;
                state.first.compare_exchange_strong(nobody, me);
                wake(state.word, 1);
            });
        program.thread("waker", [&state] {
            state.word.store(1);
            wake(state.word, 1);
        });
        program.at_end([&] { first.insert(state.first.load()); });
    });
    EXPECT_TRUE(report.passed()) << report.text();
    EXPECT_EQ(first, (std::set<int>{1, 2}));
}

TEST(Checker, a_mortal_thread_dies_before_each_of_its_steps) {
    std::set<int> reached;
    unsigned died = 0;
    const Report report = check({.deaths = 1}, [&](Program& program) {
        auto& x = program.make<Atomic<int>>(0);
        const ThreadId victim = program.thread(
            "victim",
            [&] {
                for (int i = 1; i <= 3; ++i) x.store(i, kRelaxed);
            },
            Mortality::kMayDie);
        program.thread("heir", [&x, &reached, &died, victim] {
            if (join(victim)) ++died;
            reached.insert(x.load(kRelaxed));
        });
    });
    EXPECT_TRUE(report.passed()) << report.text();
    EXPECT_EQ(reached, (std::set<int>{0, 1, 2, 3}));
    EXPECT_EQ(died, 3u);
}

TEST(Checker, finds_who_is_wedged_by_a_death) {
    const Report report = check({.deaths = 1}, [&](Program& program) {
        auto& lock = program.make<Atomic<int>>(0);
        for (const Mortality mortality : {Mortality::kMayDie, Mortality::kImmortal})
            program.thread(
                "locker",
                [&] {
                    while (lock.exchange(1, kAcquire) != 0) cpu_relax();
                    lock.store(0, kRelease);
                },
                mortality);
    });
    EXPECT_NE(report.failure.find("deadlock: locker spins"), std::string::npos) << report.text();
    EXPECT_NE(report.trace.find("DIES before: "), std::string::npos);
}

TEST(Checker, says_so_when_time_ran_out) {
    const Report report =
        check({.reduction = Reduction::kNone, .time_limit = {}}, [](Program& program) {
            auto& x = program.make<Atomic<int>>(0);
            for (int i = 0; i < 4; ++i)
                program.thread("t", [&] {
                    for (int k = 0; k < 8; ++k) x.fetch_add(1);
                });
        });
    EXPECT_FALSE(report.complete);
    EXPECT_FALSE(report.passed());
    EXPECT_NE(report.text().find("NOT COMPLETE"), std::string::npos);
}

TEST(Checker, a_bound_on_preemptions_cuts_what_needs_more) {
    // The failure needs one switch away from a thread that could go on.
    const auto run = [](unsigned preemptions) {
        return check({.preemption_bound = preemptions}, [](Program& program) {
            auto& x = program.make<Atomic<int>>(0);
            program.thread("a", [&] {
                x.store(1);
                x.store(2);
            });
            program.thread("b", [&] { EXO_MODEL_REQUIRE(x.load() != 1, "between"); });
        });
    };
    EXPECT_TRUE(run(0).passed()) << run(0).text();
    EXPECT_FALSE(run(1).passed());
}

}  // namespace
}  // namespace exo::model
