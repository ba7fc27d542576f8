// Fuzzes the trace parser, and the simulator and policy with whatever it accepts.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/sched/sim/simulator.h"
#include "lib/sched/sim/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace exo::sched;
    auto trace = sim::parse_trace({reinterpret_cast<const char*>(data), size});
    if (!trace) return 0;
    sim::Scenario scenario;
    scenario.cpus = 1 + static_cast<unsigned>(size % 3);
    // Long runs and sleeps cost a simulation nothing but its balance events.
    scenario.end_ns = 100 * kMillisecond;
    scenario.threads = std::move(trace->threads);
    const auto report = sim::simulate(scenario);
    if (report) EXO_CHECK(report->starved == 0, "a wait beyond its bound");
    return 0;
}
