#include "lib/sched/predictor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace exo::sched {
namespace {

TEST(Predictor, first_burst_is_the_average) {
    Predictor predictor;
    EXPECT_EQ(predictor.level(), Level::Hot);
    predictor.record(5 * kMillisecond);
    EXPECT_EQ(predictor.average_ns(), 5 * kMillisecond);
    EXPECT_EQ(predictor.level(), Level::Normal);
}

TEST(Predictor, average_follows_the_formula_with_alpha_of_three_tenths) {
    Predictor predictor;
    std::mt19937 random(1);
    double exact = 0;
    for (int i = 0; i < 10'000; ++i) {
        const std::uint32_t burst = random() % (50 * kMillisecond);
        predictor.record(burst);
        exact = i == 0 ? burst : 0.3 * burst + 0.7 * exact;
        // alpha is 307/1024: off by 0.07 %, of values that differ by up to 50 ms.
        ASSERT_NEAR(predictor.average_ns(), exact, 0.0025 * 50 * kMillisecond) << i;
    }
}

TEST(Predictor, thresholds_of_the_levels) {
    EXPECT_EQ(level_of_burst(0), Level::Hot);
    EXPECT_EQ(level_of_burst(999'999), Level::Hot);
    EXPECT_EQ(level_of_burst(1'000'000), Level::Normal);
    EXPECT_EQ(level_of_burst(9'999'999), Level::Normal);
    EXPECT_EQ(level_of_burst(10'000'000), Level::Cold);
    EXPECT_EQ(level_of_burst(UINT32_MAX), Level::Cold);
}

TEST(Predictor, keeps_the_last_sixteen) {
    Predictor predictor;
    for (std::uint32_t i = 1; i <= 5; ++i) predictor.record(i);
    ASSERT_EQ(predictor.samples(), 5U);
    EXPECT_EQ(predictor.sample(0), 5U);
    EXPECT_EQ(predictor.sample(4), 1U);
    for (std::uint32_t i = 6; i <= 40; ++i) predictor.record(i);
    ASSERT_EQ(predictor.samples(), kHistory);
    for (std::uint32_t age = 0; age < kHistory; ++age) EXPECT_EQ(predictor.sample(age), 40 - age);
}

TEST(Predictor, longest_bursts_saturate) {
    Predictor predictor;
    for (int i = 0; i < 100; ++i) predictor.record(UINT64_MAX);
    EXPECT_EQ(predictor.average_ns(), UINT32_MAX);
    EXPECT_EQ(predictor.level(), Level::Cold);
}

TEST(Predictor, a_child_starts_with_the_parents_average_and_no_history) {
    Predictor parent;
    for (int i = 0; i < 20; ++i) parent.record(20 * kMillisecond);
    Predictor child;
    child.inherit(parent);
    EXPECT_EQ(child.level(), Level::Cold);
    EXPECT_EQ(child.samples(), 0U);
    child.record(10);
    EXPECT_EQ(child.average_ns(), 10U) << "its own first burst replaces what it inherited";
}

TEST(BurstContext, each_has_its_own_index) {
    bool seen[BurstContext::kCount] = {};
    seen[BurstContext().index()] = true;
    for (const Level average : {Level::Hot, Level::Normal, Level::Cold}) {
        for (const Level last : {Level::Hot, Level::Normal, Level::Cold}) {
            const std::size_t index = BurstContext(average, last).index();
            ASSERT_LT(index, BurstContext::kCount);
            EXPECT_FALSE(seen[index]);
            seen[index] = true;
        }
    }
}

TEST(BurstProfile, unknown_context_falls_back) {
    const BurstProfile profile;
    EXPECT_EQ(profile.predict({}, Level::Normal), Level::Normal);
    EXPECT_EQ(profile.predict({}, Level::Cold), Level::Cold);
}

TEST(BurstProfile, learns_an_alternating_program_that_an_average_cannot) {
    BurstProfile profile;
    Predictor predictor;
    unsigned right = 0;
    unsigned right_average = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t burst = i % 2 == 0 ? 100 * kMicrosecond : 30 * kMillisecond;
        const Level actual = level_of_burst(static_cast<std::uint32_t>(burst));
        right += profile.predict(predictor.context(), predictor.level()) == actual ? 1U : 0U;
        right_average += predictor.level() == actual ? 1U : 0U;
        profile.learn(predictor.context(), actual);
        predictor.record(burst);
    }
    EXPECT_GT(right, 990U);
    EXPECT_LT(right_average, 600U);
}

TEST(BurstProfile, a_changed_program_is_learnt_anew) {
    BurstProfile profile;
    for (int i = 0; i < 1'000'000; ++i) profile.learn({}, Level::Hot);
    int until_learnt = 0;
    while (profile.predict({}, Level::Hot) != Level::Cold) {
        profile.learn({}, Level::Cold);
        ++until_learnt;
    }
    EXPECT_LE(until_learnt, 16);
}

TEST(BurstProfile, contexts_are_independent) {
    BurstProfile profile;
    profile.learn({Level::Hot, Level::Cold}, Level::Cold);
    EXPECT_EQ(profile.predict({Level::Hot, Level::Cold}, Level::Hot), Level::Cold);
    EXPECT_EQ(profile.predict({Level::Cold, Level::Hot}, Level::Hot), Level::Hot);
}

}  // namespace
}  // namespace exo::sched
