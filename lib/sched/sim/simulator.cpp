#include "lib/sched/sim/simulator.h"

#include <algorithm>

#include "lib/sched/sim/machine.h"

namespace exo::sched::sim {

namespace {

/// A script that repeats must take time, or the simulation would not.
bool takes_time(const Script& script) {
    return std::any_of(script.ops.begin(), script.ops.end(), [](const Op& op) {
        return op.value > 0 && (op.kind == Op::Kind::Run || op.kind == Op::Kind::Sleep);
    });
}

bool valid(const Script& script, const Scenario& scenario) {
    const auto names_a_thread = [&scenario](const Op& op) {
        const bool names = op.kind == Op::Kind::Wake || op.kind == Op::Kind::Start;
        return !names || op.value < scenario.threads.size();
    };
    const std::uint64_t online =
        scenario.cpus == kMaxCpus ? ~std::uint64_t{0} : (std::uint64_t{1} << scenario.cpus) - 1;
    const bool group_exists =
        script.group == kNoGroup || (script.group >= 0 && static_cast<std::size_t>(script.group) <
                                                              scenario.group_weights.size());
    return group_exists && (script.affinity & online) != 0 &&
           (!script.repeat || takes_time(script)) &&
           std::all_of(script.ops.begin(), script.ops.end(), names_a_thread);
}

}  // namespace

Result<Report> simulate(const Scenario& scenario) {
    const bool repeats = std::any_of(scenario.threads.begin(), scenario.threads.end(),
                                     [](const Script& script) { return script.repeat; });
    const bool endless = repeats && scenario.end_ns == kNever;
    if (scenario.cpus == 0 || scenario.cpus > kMaxCpus || scenario.threads_per_core == 0 ||
        endless) {
        return Errno::INVAL;
    }
    for (const Script& script : scenario.threads) {
        if (!valid(script, scenario)) return Errno::INVAL;
    }
    Machine machine(scenario);
    TRY(machine.prepare());
    return machine.run();
}

}  // namespace exo::sched::sim
