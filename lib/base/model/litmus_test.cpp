// Litmus tests: small programs whose outcomes under C++20's memory model are known. Each must show
// exactly its allowed outcomes: one more is an unsound model, one less a blind one.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "lib/base/atomic.h"
#include "lib/base/model/checker.h"

namespace exo::model {
namespace {

using Outcomes = std::set<std::vector<int>>;
using Order = std::memory_order;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

struct Cells {
    Atomic<int> x{0};
    Atomic<int> y{0};
    std::vector<int> r = std::vector<int>(4, 0);
};

using Body = std::function<void(Cells&)>;

// All outcomes: the first `results` of r, then x and y in the end if `finals`.
Outcomes outcomes_of(const std::vector<Body>& bodies, unsigned results, bool finals = false,
                     const Options& options = {}) {
    Outcomes outcomes;
    const Report report = check(options, [&](Program& program) {
        auto& cells = program.make<Cells>();
        for (const Body& body : bodies) program.thread("t", [&] { body(cells); });
        program.at_end([&] {
            std::vector<int> outcome(cells.r.begin(), cells.r.begin() + results);
            if (finals) outcome.insert(outcome.end(), {cells.x.load(), cells.y.load()});
            outcomes.insert(outcome);
        });
    });
    EXPECT_TRUE(report.passed()) << report.text();
    return outcomes;
}

Outcomes store_buffering(Order store, Order load) {
    return outcomes_of({[=](Cells& c) {
                            c.x.store(1, store);
                            c.r[0] = c.y.load(load);
                        },
                        [=](Cells& c) {
                            c.y.store(1, store);
                            c.r[1] = c.x.load(load);
                        }},
                       2);
}

TEST(Litmus, store_buffering) {
    const Outcomes sequential{{0, 1}, {1, 0}, {1, 1}};
    const Outcomes all{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    EXPECT_EQ(store_buffering(kRelaxed, kRelaxed), all);
    EXPECT_EQ(store_buffering(kRelease, kAcquire), all);
    EXPECT_EQ(store_buffering(kSeqCst, kAcquire), all);
    EXPECT_EQ(store_buffering(kSeqCst, kSeqCst), sequential);
}

TEST(Litmus, store_buffering_with_fences) {
    const auto run = [](Order first, Order second) {
        return outcomes_of({[=](Cells& c) {
                                c.x.store(1, kRelaxed);
                                fence(first);
                                c.r[0] = c.y.load(kRelaxed);
                            },
                            [=](Cells& c) {
                                c.y.store(1, kRelaxed);
                                fence(second);
                                c.r[1] = c.x.load(kRelaxed);
                            }},
                           2);
    };
    EXPECT_EQ(run(kSeqCst, kSeqCst), (Outcomes{{0, 1}, {1, 0}, {1, 1}}));
    EXPECT_EQ(run(kSeqCst, kAcqRel), (Outcomes{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
}

TEST(Litmus, store_buffering_with_one_fence_and_one_seq_cst_side) {
    // [atomics.order] 4 with a fence on one side and seq_cst accesses on the other.
    EXPECT_EQ(outcomes_of({[](Cells& c) {
                               c.x.store(1, kRelaxed);
                               fence(kSeqCst);
                               c.r[0] = c.y.load(kRelaxed);
                           },
                           [](Cells& c) {
                               c.y.store(1, kSeqCst);
                               c.r[1] = c.x.load(kSeqCst);
                           }},
                          2),
              (Outcomes{{0, 1}, {1, 0}, {1, 1}}));
}

Outcomes message_passing(Order store, Order load) {
    return outcomes_of({[=](Cells& c) {
                            c.x.store(1, kRelaxed);
                            c.y.store(1, store);
                        },
                        [=](Cells& c) {
                            c.r[0] = c.y.load(load);
                            c.r[1] = c.x.load(kRelaxed);
                        }},
                       2);
}

TEST(Litmus, message_passing) {
    const Outcomes weak{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    const Outcomes ordered{{0, 0}, {0, 1}, {1, 1}};
    EXPECT_EQ(message_passing(kRelaxed, kRelaxed), weak);
    EXPECT_EQ(message_passing(kRelease, kRelaxed), weak);
    EXPECT_EQ(message_passing(kRelaxed, kAcquire), weak);
    EXPECT_EQ(message_passing(kRelease, kAcquire), ordered);
    EXPECT_EQ(message_passing(kSeqCst, kSeqCst), ordered);
}

TEST(Litmus, message_passing_with_fences) {
    const auto run = [](bool release, bool acquire) {
        return outcomes_of({[=](Cells& c) {
                                c.x.store(1, kRelaxed);
                                if (release) fence(kRelease);
                                c.y.store(1, kRelaxed);
                            },
                            [=](Cells& c) {
                                c.r[0] = c.y.load(kRelaxed);
                                if (acquire) fence(kAcquire);
                                c.r[1] = c.x.load(kRelaxed);
                            }},
                           2);
    };
    EXPECT_EQ(run(true, true), (Outcomes{{0, 0}, {0, 1}, {1, 1}}));
    EXPECT_EQ(run(false, true), (Outcomes{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
    EXPECT_EQ(run(true, false), (Outcomes{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
}

TEST(Litmus, load_buffering_is_not_explored) {
    // C++ allows {1, 1} with relaxed orders; RC11 does not (memory.h).
    EXPECT_EQ(outcomes_of({[](Cells& c) {
                               c.r[0] = c.y.load(kRelaxed);
                               c.x.store(1, kRelaxed);
                           },
                           [](Cells& c) {
                               c.r[1] = c.x.load(kRelaxed);
                               c.y.store(1, kRelaxed);
                           }},
                          2),
              (Outcomes{{0, 0}, {0, 1}, {1, 0}}));
}

// Whether two readers may disagree on the order of independent writes.
bool readers_disagree(Order store, Order load) {
    const Outcomes outcomes =
        outcomes_of({[=](Cells& c) { c.x.store(1, store); }, [=](Cells& c) { c.y.store(1, store); },
                     [=](Cells& c) {
                         c.r[0] = c.x.load(load);
                         c.r[1] = c.y.load(load);
                     },
                     [=](Cells& c) {
                         c.r[2] = c.y.load(load);
                         c.r[3] = c.x.load(load);
                     }},
                    4);
    EXPECT_GE(outcomes.size(), 15u);
    return outcomes.contains({1, 0, 1, 0});
}

TEST(Litmus, independent_reads_of_independent_writes) {
    EXPECT_TRUE(readers_disagree(kRelaxed, kRelaxed));
    EXPECT_TRUE(readers_disagree(kRelease, kAcquire));
    EXPECT_FALSE(readers_disagree(kSeqCst, kSeqCst));
}

TEST(Litmus, coherence_of_reads) {
    EXPECT_EQ(outcomes_of({[](Cells& c) {
                               c.x.store(1, kRelaxed);
                               c.x.store(2, kRelaxed);
                           },
                           [](Cells& c) {
                               c.r[0] = c.x.load(kRelaxed);
                               c.r[1] = c.x.load(kRelaxed);
                           }},
                          2),
              (Outcomes{{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}}));
}

TEST(Litmus, coherence_of_writes_seen_by_two_readers) {
    const Outcomes outcomes = outcomes_of(
        {[](Cells& c) { c.x.store(1, kRelaxed); }, [](Cells& c) { c.x.store(2, kRelaxed); },
         [](Cells& c) {
             c.r[0] = c.x.load(kRelaxed);
             c.r[1] = c.x.load(kRelaxed);
         },
         [](Cells& c) {
             c.r[2] = c.x.load(kRelaxed);
             c.r[3] = c.x.load(kRelaxed);
         }},
        4);
    EXPECT_TRUE(outcomes.contains({1, 2, 1, 2}));
    EXPECT_TRUE(outcomes.contains({2, 1, 0, 1}));
    EXPECT_FALSE(outcomes.contains({1, 2, 2, 1}));
    EXPECT_FALSE(outcomes.contains({2, 1, 1, 2}));
}

TEST(Litmus, two_plus_two_writes) {
    const auto run = [](Order order) {
        return outcomes_of({[=](Cells& c) {
                                c.x.store(1, order);
                                c.y.store(2, order);
                            },
                            [=](Cells& c) {
                                c.y.store(1, order);
                                c.x.store(2, order);
                            }},
                           0, true);
    };
    // {1, 1}: each location keeps the store that its writer made first. Only modification orders
    // that differ from the order of execution show it.
    EXPECT_EQ(run(kRelaxed), (Outcomes{{1, 1}, {1, 2}, {2, 1}, {2, 2}}));
    EXPECT_EQ(run(kSeqCst), (Outcomes{{1, 2}, {2, 1}, {2, 2}}));
}

TEST(Litmus, write_to_read_causality) {
    const auto run = [](Order order) {
        return outcomes_of({[](Cells& c) { c.x.store(1, kRelaxed); },
                            [=](Cells& c) {
                                c.r[0] = c.x.load(kAcquire);
                                c.y.store(1, order);
                            },
                            [](Cells& c) {
                                c.r[1] = c.y.load(kAcquire);
                                c.r[2] = c.x.load(kRelaxed);
                            }},
                           3);
    };
    EXPECT_FALSE(run(kRelease).contains({1, 1, 0}));
    EXPECT_TRUE(run(kRelaxed).contains({1, 1, 0}));
    EXPECT_TRUE(run(kRelease).contains({1, 1, 1}));
}

TEST(Litmus, read_modify_writes_are_atomic) {
    EXPECT_EQ(outcomes_of({[](Cells& c) { c.r[0] = c.x.fetch_add(1, kRelaxed); },
                           [](Cells& c) { c.r[1] = c.x.fetch_add(1, kRelaxed); },
                           [](Cells& c) { c.r[2] = c.x.fetch_add(1, kRelaxed); }},
                          3, true),
              (Outcomes{{0, 1, 2, 3, 0},
                        {0, 2, 1, 3, 0},
                        {1, 0, 2, 3, 0},
                        {1, 2, 0, 3, 0},
                        {2, 0, 1, 3, 0},
                        {2, 1, 0, 3, 0}}));
}

TEST(Litmus, one_compare_exchange_wins) {
    const auto claim = [](unsigned who) {
        return [=](Cells& c) {
            int expected = 0;
            c.r[who] = c.x.compare_exchange_strong(expected, static_cast<int>(who) + 1, kRelaxed);
        };
    };
    EXPECT_EQ(outcomes_of({claim(0), claim(1)}, 2, true), (Outcomes{{1, 0, 1, 0}, {0, 1, 2, 0}}));
}

TEST(Litmus, weak_compare_exchange_may_fail_for_no_reason) {
    const auto run = [](unsigned failures) {
        return outcomes_of({[](Cells& c) {
                               int expected = 0;
                               c.r[0] = c.x.compare_exchange_weak(expected, 1, kRelaxed);
                               c.r[1] = expected;
                           }},
                           2, true, {.spurious_failures = failures});
    };
    EXPECT_EQ(run(0), (Outcomes{{1, 0, 1, 0}}));
    EXPECT_EQ(run(1), (Outcomes{{1, 0, 1, 0}, {0, 0, 0, 0}}));
}

TEST(Litmus, release_sequences_go_through_read_modify_writes_only) {
    const auto run = [](bool rmw) {
        return outcomes_of({[](Cells& c) {
                                c.x.store(1, kRelaxed);
                                c.y.store(1, kRelease);
                            },
                            [=](Cells& c) {
                                if (rmw)
                                    c.y.fetch_add(1, kRelaxed);
                                else if (c.y.load(kRelaxed) == 1)
                                    c.y.store(2, kRelaxed);
                            },
                            [](Cells& c) {
                                c.r[0] = c.y.load(kAcquire);
                                c.r[1] = c.x.load(kRelaxed);
                            }},
                           2);
    };
    EXPECT_FALSE(run(true).contains({2, 0}));
    EXPECT_TRUE(run(true).contains({2, 1}));
    EXPECT_TRUE(run(false).contains({2, 0}));
}

TEST(Litmus, arithmetic_wraps_at_the_width_of_the_type) {
    const Report report = check({}, [](Program& program) {
        auto& narrow = program.make<Atomic<std::uint8_t>>(std::uint8_t{255});
        program.thread("t", [&] {
            EXO_MODEL_REQUIRE(narrow.fetch_add(2) == 255, "the old value");
            EXO_MODEL_REQUIRE(narrow.fetch_sub(2) == 1, "wrapped up");
            EXO_MODEL_REQUIRE(narrow.load() == 255, "wrapped down");
        });
    });
    EXPECT_TRUE(report.passed()) << report.text();
}

}  // namespace
}  // namespace exo::model
