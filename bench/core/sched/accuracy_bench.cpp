#include "bench/core/sched/accuracy_bench.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "bench/core/harness/report.h"
#include "lib/sched/sim/simulator.h"

namespace exo::bench {

namespace {

using sched::kMicrosecond;
using sched::kMillisecond;
using sched::sim::Accuracy;
using sched::sim::Op;
using sched::sim::Report;
using sched::sim::Scenario;
using sched::sim::Script;

constexpr double kLeastAccuracy = 85;

/// Held out: recorded after the predictor was fixed, and never used to choose anything of it.
struct Workload {
    const char* file;
    const char* row;
    bool heldout;
};
constexpr Workload kWorkloads[] = {
    {"compile", "sched.accuracy.compile", false},
    {"server", "sched.accuracy.server", false},
    {"interactive", "sched.accuracy.interactive", false},
    {"heldout_archive", "sched.accuracy.heldout.archive", true},
    {"heldout_mixed", "sched.accuracy.heldout.mixed", true},
};

Result<Scenario> recorded(const std::string& workload, unsigned cpus) {
    auto trace = TRY(sched::sim::load_trace(EXO_SCHED_WORKLOADS "/" + workload + ".trace"));
    Scenario scenario;
    scenario.cpus = cpus;
    scenario.threads = std::move(trace.threads);
    return scenario;
}

/// More threads of short bursts than a CPU can serve, beside threads that never sleep: the mix that
/// starves the latter wherever the former simply go first.
Scenario hot_flood() {
    Scenario scenario;
    scenario.cpus = 2;
    scenario.end_ns = 20'000 * kMillisecond;
    for (unsigned i = 0; i < 60; ++i) {
        Script script;
        script.repeat = true;
        if (i < 40) {
            script.program = "short";
            script.ops = {{Op::Kind::Run, 700 * kMicrosecond + i * kMicrosecond},
                          {Op::Kind::Sleep, 50 * kMicrosecond}};
        } else {
            script.program = "hog";
            script.nice = static_cast<int>(i % 20);
            script.ops = {{Op::Kind::Run, 1000 * kMillisecond}};
        }
        scenario.threads.push_back(std::move(script));
    }
    return scenario;
}

void emit_row(const std::string& name, const Accuracy& accuracy) {
    Row row;
    row.name = name;
    row.unit = "%";
    row.better = Better::kHigher;
    row.value = accuracy.percent(accuracy.right);
    row.peers = {{"moving average", accuracy.percent(accuracy.right_average)},
                 {"last burst", accuracy.percent(accuracy.right_last)},
                 {"most common level", accuracy.percent_most_common()}};
    row.target = std::max(kLeastAccuracy, *best_peer(row));
    row.rule = "max(85, best peer); bursts whose level was predicted right, 2 CPUs simulated";
    emit(row);
}

}  // namespace

bool emit_accuracy() {
    Accuracy chosen_on;
    Accuracy heldout;
    std::uint64_t starved = 0;
    std::uint64_t waits = 0;
    double nearest = 0;
    const auto count = [&](const Report& report) {
        starved += report.starved;
        waits += report.waits;
        nearest = std::max(nearest, report.tightest_bound);
    };
    for (const Workload& workload : kWorkloads) {
        for (const unsigned cpus : {1U, 2U, 4U}) {
            const auto scenario = recorded(workload.file, cpus);
            const auto report = scenario ? sched::sim::simulate(*scenario) : scenario.error();
            if (!report) {
                std::fprintf(stderr, "%s: %s\n", workload.file, errno_text(report.error()));
                return false;
            }
            count(*report);
            if (cpus != 2) continue;
            (workload.heldout ? heldout : chosen_on).add(report->accuracy);
            emit_row(workload.row, report->accuracy);
        }
    }
    emit_row("sched.accuracy", chosen_on);
    emit_row("sched.accuracy.heldout", heldout);

    const auto flood = sched::sim::simulate(hot_flood());
    if (!flood) return false;
    count(*flood);
    Row row;
    row.name = "sched.starvation";
    row.unit = "waits";
    row.value = static_cast<double>(starved);
    row.target = 0;
    row.rule = "0 of " + std::to_string(waits) +
               " waits beyond their bound: recorded workloads on 1, 2, 4 CPUs and a flood of short "
               "bursts; longest wait / its bound " +
               std::to_string(nearest);
    emit(row);
    return true;
}

}  // namespace exo::bench
