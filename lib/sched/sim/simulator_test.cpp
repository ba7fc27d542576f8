#include "lib/sched/sim/simulator.h"

#include <gtest/gtest.h>

#include <numeric>

namespace exo::sched::sim {
namespace {

constexpr std::uint64_t ms(std::uint64_t n) {
    return n * kMillisecond;
}

Script hog(int nice = 0) {
    Script script;
    script.program = "hog";
    script.nice = nice;
    script.repeat = true;
    script.ops = {{Op::Kind::Run, kSecond}};
    return script;
}

Script sleeper(std::uint64_t run_ns, std::uint64_t sleep_ns) {
    Script script;
    script.program = "sleeper";
    script.repeat = true;
    script.ops = {{Op::Kind::Run, run_ns}, {Op::Kind::Sleep, sleep_ns}};
    return script;
}

Report run(const Scenario& scenario) {
    auto report = simulate(scenario);
    EXPECT_TRUE(report.has_value());
    return report ? *std::move(report) : Report{};
}

std::uint64_t ran(const Report& report, std::size_t first, std::size_t count) {
    std::uint64_t sum = 0;
    for (std::size_t i = first; i < first + count; ++i) sum += report.threads[i].ran_ns;
    return sum;
}

/// 40 threads of short bursts want ten times what two CPUs have; 20 hogs want the rest.
Scenario hot_flood() {
    Scenario scenario;
    scenario.cpus = 2;
    scenario.end_ns = 20 * kSecond;
    for (unsigned i = 0; i < 40; ++i) {
        scenario.threads.push_back(sleeper(700 * kMicrosecond, 50 * kMicrosecond));
    }
    for (int i = 0; i < 20; ++i) scenario.threads.push_back(hog(i));
    return scenario;
}

class Recorded : public testing::TestWithParam<const char*> {};

TEST_P(Recorded, bursts_are_predicted_and_nobody_starves) {
    auto trace = load_trace(std::string(EXO_SCHED_WORKLOADS "/") + GetParam() + ".trace");
    ASSERT_TRUE(trace.has_value());
    Scenario scenario;
    scenario.threads = std::move(trace->threads);
    for (const unsigned cpus : {1U, 2U, 4U}) {
        scenario.cpus = cpus;
        const Report report = run(scenario);
        const Accuracy& accuracy = report.accuracy;
        EXPECT_GT(accuracy.bursts, 1000U);
        EXPECT_GE(accuracy.percent(accuracy.right), 85) << cpus << " CPUs";
        EXPECT_GT(accuracy.right, accuracy.right_average) << cpus << " CPUs";
        EXPECT_GT(accuracy.right, accuracy.right_last) << cpus << " CPUs";
        EXPECT_EQ(report.starved, 0U) << cpus << " CPUs";
        EXPECT_EQ(report.unfinished(), 0U) << cpus << " CPUs";
    }
}

TEST_P(Recorded, the_same_run_gives_the_same_bytes) {
    auto trace = load_trace(std::string(EXO_SCHED_WORKLOADS "/") + GetParam() + ".trace");
    ASSERT_TRUE(trace.has_value());
    Scenario scenario;
    scenario.cpus = 3;
    scenario.threads = std::move(trace->threads);
    EXPECT_EQ(run(scenario).to_text(), run(scenario).to_text());
}

INSTANTIATE_TEST_SUITE_P(Workloads, Recorded,
                         testing::Values("compile", "server", "interactive", "heldout_archive",
                                         "heldout_mixed"));

TEST(Fairness, cpu_time_follows_nice) {
    const int nices[] = {-20, -10, -5, 0, 0, 1, 5, 10, 19};
    Scenario scenario;
    scenario.end_ns = 2000 * kSecond;
    double weights = 0;
    for (const int nice : nices) {
        scenario.threads.push_back(hog(nice));
        weights += weight_of_nice(nice);
    }
    const Report report = run(scenario);
    for (std::size_t i = 0; i < std::size(nices); ++i) {
        const double fair = 2000e9 * weight_of_nice(nices[i]) / weights;
        EXPECT_NEAR(static_cast<double>(report.threads[i].ran_ns) / fair, 1, 0.05) << nices[i];
    }
    EXPECT_EQ(report.starved, 0U);
}

TEST(Fairness, groups_share_by_weight_whatever_their_size) {
    Scenario scenario;
    scenario.end_ns = 60 * kSecond;
    scenario.group_weights = {1024, 2048};
    for (int i = 0; i < 1 + 9 + 1; ++i) {
        scenario.threads.push_back(hog());
        scenario.threads.back().group = i < 1 ? 0 : i < 10 ? 1 : kNoGroup;
    }
    scenario.threads[1].nice = -5;  // a third of its group's weight
    const Report report = run(scenario);
    EXPECT_NEAR(static_cast<double>(ran(report, 0, 1)) / 15e9, 1, 0.05);
    EXPECT_NEAR(static_cast<double>(ran(report, 1, 9)) / 30e9, 1, 0.05);
    EXPECT_NEAR(static_cast<double>(ran(report, 10, 1)) / 15e9, 1, 0.05);
    const double share = weight_of_nice(-5) / (weight_of_nice(-5) + 8.0 * 1024);
    EXPECT_NEAR(static_cast<double>(ran(report, 1, 1)) / (30e9 * share), 1, 0.05);
}

TEST(Starvation, a_sleep_beyond_the_end_of_time_ends_never) {
    Scenario scenario;
    scenario.end_ns = kSecond;
    scenario.threads = {sleeper(ms(1), kNever - 5), hog()};
    const Report report = run(scenario);
    EXPECT_EQ(report.starved, 0U);
    EXPECT_EQ(report.threads[0].ran_ns, ms(1));
    EXPECT_EQ(ran(report, 0, 2), kSecond);
}

TEST(Starvation, a_flood_of_short_bursts_leaves_everyone_a_share) {
    const Report report = run(hot_flood());
    EXPECT_EQ(report.starved, 0U);
    EXPECT_GT(report.rescues, 100U);
    double weights = 40 * weight_of_nice(0);
    for (int nice = 0; nice < 20; ++nice) weights += weight_of_nice(nice);
    for (std::size_t i = 40; i < 60; ++i) {
        const double fair = 40e9 * weight_of_nice(static_cast<int>(i) - 40) / weights;
        EXPECT_GT(static_cast<double>(report.threads[i].ran_ns), 0.6 * fair) << i;
    }
}

TEST(Starvation, one_hog_among_a_few_that_never_let_go_gets_its_fair_part) {
    Scenario scenario;
    scenario.end_ns = 20 * kSecond;
    scenario.threads = {hog()};
    for (int i = 0; i < 3; ++i) scenario.threads.push_back(sleeper(900 * kMicrosecond, 1));
    const Report report = run(scenario);
    EXPECT_GT(report.threads[0].ran_ns, 4 * kSecond);
}

TEST(Starvation, it_is_ageing_that_bounds_the_wait) {
    Scenario scenario = hot_flood();
    const Report aged = run(scenario);
    const Tunables defaults;
    const auto longest = [](const Report& report) {
        std::uint64_t wait = 0;
        for (const auto& thread : report.threads) wait = std::max(wait, thread.longest_wait_ns);
        return wait;
    };
    const std::uint64_t bound = FairQueue::wait_bound_ns(defaults, Level::Cold, 60, ms(4));
    EXPECT_LE(longest(aged), bound);
    for (std::uint64_t& limit : scenario.tunables.age_limit_ns) limit = kNever;
    EXPECT_GT(longest(run(scenario)), 2 * bound) << "so the check above can fail";
}

TEST(Starvation, ten_thousand_threads) {
    for (const unsigned cpus : {1U, 4U}) {
        Scenario scenario;
        scenario.cpus = cpus;
        scenario.end_ns = 100 * kSecond;
        for (unsigned i = 0; i < 10'000; ++i) {
            scenario.threads.push_back(i % 3 == 0 ? hog(static_cast<int>(i % 40) - 20)
                                                  : sleeper(ms(1 + i % 15) / 2, ms(i % 100 + 1)));
            scenario.threads.back().start_ns = i * 10 * kMicrosecond;
        }
        const Report report = run(scenario);
        EXPECT_EQ(report.starved, 0U);
        EXPECT_GT(report.waits, 10'000U);
        const std::uint64_t before_all_are_busy = cpus * cpus * 10 * kMicrosecond;
        EXPECT_GE(ran(report, 0, 10'000) + before_all_are_busy, cpus * report.end_ns);
    }
}

TEST(Latency, a_short_burst_does_not_wait_behind_hogs) {
    Scenario scenario;
    scenario.end_ns = 20 * kSecond;
    for (int i = 0; i < 4; ++i) scenario.threads.push_back(hog());
    scenario.threads.push_back(sleeper(200 * kMicrosecond, ms(5)));
    const Report report = run(scenario);
    EXPECT_EQ(report.latency_ns(0.99), 0U);
    EXPECT_LE(report.latency_ns(1), ms(4));
}

TEST(Latency, a_ping_pong_pair_hands_the_cpu_over) {
    Scenario scenario;
    scenario.end_ns = 5 * kSecond;
    for (std::uint64_t i = 0; i < 2; ++i) {
        Script script;
        script.program = "pair";
        script.repeat = true;
        const Op run_op = {Op::Kind::Run, 10 * kMicrosecond};
        const Op wake = {Op::Kind::Wake, 1 - i};
        const Op wait = {Op::Kind::Wait, 0};
        script.ops =
            i == 0 ? std::vector<Op>{run_op, wake, wait} : std::vector<Op>{wait, run_op, wake};
        scenario.threads.push_back(script);
    }
    scenario.threads[0].start_ns = kMillisecond;
    scenario.threads.push_back(hog());
    const Report report = run(scenario);
    EXPECT_GT(report.hand_overs, 10'000U);
    EXPECT_EQ(report.starved, 0U);
    EXPECT_GT(report.threads[2].ran_ns, kSecond) << "the pair does not shut the third out";
}

TEST(RealTime, a_hog_of_priority_99_leaves_a_twentieth) {
    Scenario scenario;
    scenario.end_ns = 20 * kSecond;
    scenario.threads = {hog(), hog()};
    scenario.threads[0].policy = Policy::Fifo;
    scenario.threads[0].rt_priority = 99;
    const Report report = run(scenario);
    EXPECT_NEAR(static_cast<double>(report.threads[1].ran_ns), 1e9, 0.06e9);
    EXPECT_EQ(report.starved, 0U);
}

TEST(RealTime, priorities_and_round_robin) {
    Scenario scenario;
    scenario.end_ns = 9 * kSecond;
    scenario.tunables.rt_runtime_ns = scenario.tunables.rt_period_ns;
    scenario.threads = {hog(), hog(), hog()};
    for (Script& script : scenario.threads) {
        script.policy = Policy::RoundRobin;
        script.rt_priority = 20;
    }
    scenario.threads[2].rt_priority = 10;
    const Report report = run(scenario);
    EXPECT_NEAR(static_cast<double>(report.threads[0].ran_ns), 4.5e9, 0.1e9);
    EXPECT_NEAR(static_cast<double>(report.threads[1].ran_ns), 4.5e9, 0.1e9);
    EXPECT_EQ(report.threads[2].ran_ns, 0U);
}

TEST(RealTime, admitted_deadlines_are_met_under_load_and_hogs_are_throttled) {
    Scenario scenario = hot_flood();
    scenario.cpus = 1;
    for (const std::uint64_t period : {10U, 25U}) {
        Script script = sleeper(ms(period) / 5, ms(period) - ms(period) / 5);
        script.policy = Policy::Deadline;
        script.deadline = {ms(period) / 5 + 1000, ms(period), ms(period)};
        scenario.threads.push_back(script);
    }
    scenario.threads.push_back(hog());
    scenario.threads.back().policy = Policy::Deadline;
    scenario.threads.back().deadline = {ms(10), ms(100), ms(100)};
    const Report report = run(scenario);
    EXPECT_EQ(report.threads[60].missed_deadlines, 0U);
    EXPECT_EQ(report.threads[61].missed_deadlines, 0U);
    EXPECT_GT(report.threads[60].picks, 1500U);
    EXPECT_NEAR(static_cast<double>(report.threads[62].ran_ns), 2e9, 0.05e9) << "a tenth of 20 s";
    EXPECT_EQ(report.starved, 0U);

    scenario.threads.back().deadline.runtime_ns = ms(90);
    EXPECT_EQ(simulate(scenario).error(), Errno::BUSY);
}

TEST(Machines, affinity_is_kept_and_the_rest_spreads) {
    Scenario scenario;
    scenario.cpus = 4;
    scenario.end_ns = 10 * kSecond;
    for (unsigned i = 0; i < 8; ++i) {
        scenario.threads.push_back(hog());
        if (i < 4) scenario.threads.back().affinity = 0b0001;
    }
    const Report report = run(scenario);
    EXPECT_LE(ran(report, 0, 4), 10 * kSecond) << "one CPU between them";
    EXPECT_GT(ran(report, 0, 4), 9 * kSecond);
    EXPECT_EQ(ran(report, 0, 8), 40 * kSecond) << "no CPU idles";
}

TEST(Machines, a_crowd_spreads_over_all_cpus) {
    Scenario scenario;
    scenario.cpus = 4;
    scenario.end_ns = 20 * kSecond;
    for (unsigned i = 0; i < 16; ++i) scenario.threads.push_back(hog());
    const Report report = run(scenario);
    for (const ThreadReport& thread : report.threads) {
        EXPECT_NEAR(static_cast<double>(thread.ran_ns), 5e9, 1.3e9);
    }
}

TEST(Simulate, threads_that_wait_for_ever_end_the_run) {
    const auto trace =
        parse_trace("exo-sched-trace 1\nthreads 2 duration 1\nt 0 0 a\n5.5\nt 0 0 b\n5\n");
    ASSERT_TRUE(trace.has_value());
    Scenario scenario;
    scenario.cpus = 2;
    scenario.threads = trace->threads;
    const Report report = run(scenario);
    EXPECT_EQ(report.unfinished(), 1U);
    EXPECT_EQ(report.threads[1].finished_ns, 5 * kMicrosecond);
}

TEST(Simulate, invalid_scenarios) {
    Scenario scenario;
    scenario.threads = {hog()};
    EXPECT_EQ(simulate(scenario).error(), Errno::INVAL) << "endless";
    scenario.end_ns = kSecond;
    EXPECT_TRUE(simulate(scenario).has_value());
    const auto refused = [&scenario](auto change) {
        Scenario changed = scenario;
        change(changed);
        const auto report = simulate(changed);
        return !report.has_value() && report.error() == Errno::INVAL;
    };
    EXPECT_TRUE(refused([](Scenario& s) { s.cpus = 0; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.cpus = 65; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.threads[0].group = 0; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.threads[0].affinity = 2; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.threads[0].rt_priority = 1; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.threads[0].policy = Policy::Deadline; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.threads[0].ops = {{Op::Kind::Wake, 1}}; }));
    EXPECT_TRUE(refused([](Scenario& s) { s.threads[0].ops.clear(); })) << "repeats for nothing";
}

}  // namespace
}  // namespace exo::sched::sim
