#include "lib/sched/sim/simulator.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace exo::sched::sim {
namespace {

Scenario recorded(const char* name) {
    auto trace = load_trace(std::string(EXO_SCHED_WORKLOADS "/") + name + ".trace");
    EXPECT_TRUE(trace.has_value()) << name;
    Scenario scenario;
    scenario.cpus = 2;
    if (trace) scenario.threads = std::move(trace->threads);
    return scenario;
}

class Recorded : public testing::TestWithParam<const char*> {};

TEST_P(Recorded, bursts_are_predicted_and_nobody_starves) {
    for (const unsigned cpus : {1U, 2U, 4U}) {
        Scenario scenario = recorded(GetParam());
        scenario.cpus = cpus;
        const auto report = simulate(scenario);
        ASSERT_TRUE(report.has_value());
        std::printf("%s %u CPUs %.400s\n", GetParam(), cpus, report->to_text().c_str());
        EXPECT_GE(report->accuracy.percent(report->accuracy.right), 85) << cpus << " CPUs";
        EXPECT_EQ(report->starved, 0U) << cpus << " CPUs";
        EXPECT_EQ(report->unfinished(), 0U) << cpus << " CPUs";
    }
}

INSTANTIATE_TEST_SUITE_P(Workloads, Recorded, testing::Values("compile", "server", "interactive"));

}  // namespace
}  // namespace exo::sched::sim
