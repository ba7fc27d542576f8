#include "bench/core/harness/machine.h"

#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "lib/base/cpu.h"

namespace exo::bench {

namespace {

double now_seconds() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

const std::vector<int>& allowed_cpus() {
    static const std::vector<int> cpus_at_start = [] {
        cpu_set_t set;
        CPU_ZERO(&set);
        sched_getaffinity(0, sizeof set, &set);
        std::vector<int> cpus;
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
        }
        return cpus;
    }();
    return cpus_at_start;
}

void pin_to_cpu(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        std::perror("bench: cannot pin to a CPU (sched_setaffinity)");
        std::exit(1);
    }
}

double tsc_hz() {
    static const double hz = [] {
        const double begin = now_seconds();
        const std::uint64_t first = read_tsc();
        double end = begin;
        while (end - begin < 0.05) end = now_seconds();
        return static_cast<double>(read_tsc() - first) / (end - begin);
    }();
    return hz;
}

}  // namespace exo::bench
