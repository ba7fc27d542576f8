// The reduction against the search without it: random small programs must show the same outcomes
// either way, and the reduced search must not run a class of schedules twice.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <vector>

#include "lib/base/atomic.h"
#include "lib/base/model/checker.h"

namespace exo::model {
namespace {

constexpr unsigned kLocations = 2;

struct Instruction {
    enum class What : std::uint8_t { kLoad, kStore, kAdd, kCompareExchange, kFence } what;
    unsigned location = 0;
    int value = 0;
    std::memory_order order = std::memory_order_relaxed;
};

using Code = std::vector<std::vector<Instruction>>;  // per thread

Code random_code(std::mt19937& random) {
    using What = Instruction::What;
    const auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    constexpr std::memory_order kLoads[] = {std::memory_order_relaxed, std::memory_order_acquire,
                                            std::memory_order_seq_cst};
    constexpr std::memory_order kStores[] = {std::memory_order_relaxed, std::memory_order_release,
                                             std::memory_order_seq_cst};
    constexpr std::memory_order kBoth[] = {std::memory_order_relaxed, std::memory_order_acq_rel,
                                           std::memory_order_seq_cst};
    const unsigned threads = 2 + pick(2);
    Code code(threads);
    int next_value = 1;
    for (auto& thread : code) {
        const unsigned length = threads == 2 ? 2 + pick(3) : 1 + pick(2);
        for (unsigned i = 0; i < length; ++i) {
            const auto what = static_cast<What>(pick(10) < 7 ? pick(2) : 2 + pick(3));
            const auto* orders = what == What::kLoad    ? kLoads
                                 : what == What::kStore ? kStores
                                                        : kBoth;
            auto order = orders[pick(3)];
            if (what == What::kFence && order == std::memory_order_relaxed)
                order = std::memory_order_seq_cst;
            thread.push_back({what, pick(kLocations), next_value++, order});
        }
    }
    return code;
}

void run_thread(const std::vector<Instruction>& thread, Atomic<int>* cells, std::vector<int>& out) {
    using What = Instruction::What;
    for (const auto& [what, location, value, order] : thread) {
        Atomic<int>& cell = cells[location];
        switch (what) {
            case What::kLoad:
                out.push_back(cell.load(order));
                break;
            case What::kStore:
                cell.store(value, order);
                break;
            case What::kAdd:
                out.push_back(cell.fetch_add(16, order));
                break;
            case What::kCompareExchange: {
                int expected = value - 1;
                out.push_back(cell.compare_exchange_strong(expected, value, order) ? -1 : expected);
                break;
            }
            case What::kFence:
                fence(order);
                break;
        }
    }
}

// Every outcome: what each thread read, and what the locations hold in the end.
std::set<std::vector<int>> outcomes_of(const Code& code, const Options& options, Report& report) {
    struct State {
        Atomic<int> cells[kLocations]{0, 0};
        std::vector<int> read[kMaxThreads];
        State() {
            for (auto& list : read) list.reserve(8);
        }
    };
    std::set<std::vector<int>> outcomes;
    report = check(options, [&](Program& program) {
        auto& state = program.make<State>();
        for (std::size_t i = 0; i < code.size(); ++i)
            program.thread("t",
                           [&state, &code, i] { run_thread(code[i], state.cells, state.read[i]); });
        program.at_end([&] {
            std::vector<int> outcome;
            for (const auto& list : state.read)
                outcome.insert(outcome.end(), list.begin(), list.end());
            for (const auto& cell : state.cells) outcome.push_back(cell.load());
            outcomes.insert(outcome);
        });
    });
    return outcomes;
}

TEST(Reduction, shows_every_outcome_of_random_programs) {
    std::mt19937 random(20240717);
    std::uint64_t reduced_runs = 0;
    std::uint64_t full_runs = 0;
    constexpr unsigned kPrograms = __has_feature(address_sanitizer) ? 40 : 400;
    for (unsigned n = 0; n < kPrograms; ++n) {
        const Code code = random_code(random);
        Report reduced;
        Report full;
        const auto few = outcomes_of(code, {}, reduced);
        const auto all = outcomes_of(code, {.reduction = Reduction::kNone}, full);
        ASSERT_TRUE(reduced.passed()) << reduced.text();
        ASSERT_TRUE(full.passed()) << full.text();
        ASSERT_EQ(few, all) << "program " << n;
        EXPECT_LE(reduced.executions, full.executions);
        reduced_runs += reduced.executions + reduced.redundant;
        full_runs += full.executions;
    }
    EXPECT_LT(reduced_runs * 3, full_runs);
}

TEST(Reduction, runs_threads_that_share_nothing_once) {
    const Report report = check({}, [](Program& program) {
        struct State {
            Atomic<int> cells[4];
        };
        auto& state = program.make<State>();
        for (auto& cell : state.cells)
            program.thread("t", [&cell] {
                for (int i = 0; i < 5; ++i) cell.fetch_add(1);
            });
    });
    EXPECT_TRUE(report.passed()) << report.text();
    EXPECT_EQ(report.executions, 1u);
    EXPECT_EQ(report.redundant, 0u);
}

TEST(Reduction, runs_each_order_of_conflicting_steps_once) {
    const Report report = check({}, [](Program& program) {
        auto& x = program.make<Atomic<int>>(0);
        for (int i = 0; i < 3; ++i)
            program.thread("t", [&] { x.fetch_add(1, std::memory_order_seq_cst); });
    });
    EXPECT_TRUE(report.passed()) << report.text();
    EXPECT_EQ(report.executions, 6u);
}

}  // namespace
}  // namespace exo::model
