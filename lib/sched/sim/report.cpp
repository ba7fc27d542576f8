#include "lib/sched/sim/report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace exo::sched::sim {

namespace {

template <typename... Args>
void append(std::string& out, const char* format, Args... args) {
    char line[256];
    std::snprintf(line, sizeof line, format, args...);
    out += line;
}

}  // namespace

void Accuracy::add(const Accuracy& other) {
    bursts += other.bursts;
    right += other.right;
    right_average += other.right_average;
    right_last += other.right_last;
    for (std::size_t i = 0; i < actual.size(); ++i) actual[i] += other.actual[i];
}

double Accuracy::percent(std::uint64_t count) const {
    return bursts == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(bursts);
}

double Accuracy::percent_most_common() const {
    return percent(*std::max_element(actual.begin(), actual.end()));
}

std::uint64_t Report::latency_ns(double fraction) const {
    if (wakeup_latency_ns.empty()) return 0;
    const auto last = static_cast<double>(wakeup_latency_ns.size() - 1);
    return wakeup_latency_ns[static_cast<std::size_t>(fraction * last)];
}

std::uint64_t Report::unfinished() const {
    return static_cast<std::uint64_t>(
        std::count_if(threads.begin(), threads.end(),
                      [](const ThreadReport& thread) { return thread.finished_ns == kNever; }));
}

std::string Report::to_text() const {
    std::string out;
    append(out, "end %" PRIu64 " ns, switches %" PRIu64 ", migrations %" PRIu64 "\n", end_ns,
           switches, migrations);
    append(out, "hand-overs %" PRIu64 ", rescues %" PRIu64 "\n", hand_overs, rescues);
    append(out, "waits %" PRIu64 ", starved %" PRIu64 ", largest wait/bound %.4f\n", waits, starved,
           tightest_bound);
    append(out, "wake-up latency p50 %" PRIu64 " p99 %" PRIu64 " max %" PRIu64 " ns\n",
           latency_ns(0.5), latency_ns(0.99), latency_ns(1));
    append(out, "bursts %" PRIu64 ", right %.2f %%, average alone %.2f %%, last %.2f %%, ",
           accuracy.bursts, accuracy.percent(accuracy.right),
           accuracy.percent(accuracy.right_average), accuracy.percent(accuracy.right_last));
    append(out, "most common %.2f %%\n", accuracy.percent_most_common());
    for (std::size_t i = 0; i < threads.size(); ++i) {
        const ThreadReport& thread = threads[i];
        append(out, "%zu ran %" PRIu64 " waited %" PRIu64 " longest %" PRIu64, i, thread.ran_ns,
               thread.waited_ns, thread.longest_wait_ns);
        append(out, " picks %" PRIu64 " missed %" PRIu64 " finished %" PRIu64 "\n", thread.picks,
               thread.missed_deadlines, thread.finished_ns);
    }
    return out;
}

}  // namespace exo::sched::sim
