#include "lib/sched/placement.h"

#include <bit>

#include "lib/base/panic.h"

namespace exo::sched {

namespace {

constexpr std::uint64_t bit(unsigned cpu) {
    return std::uint64_t{1} << cpu;
}

unsigned first_of(std::uint64_t mask) {
    return static_cast<unsigned>(std::countr_zero(mask));
}

/// CPUs below `count`; count <= 64.
std::uint64_t below(unsigned count) {
    return count >= kMaxCpus ? ~std::uint64_t{0} : bit(count) - 1;
}

/// An idle CPU of `candidates`: one whose whole core idles if there is one. O(candidates).
std::optional<unsigned> idle_among(std::uint64_t candidates, const Topology& topology,
                                   std::uint64_t idle) {
    const std::uint64_t choice = candidates & idle;
    if (choice == 0) return std::nullopt;
    for (std::uint64_t rest = choice; rest != 0; rest &= rest - 1) {
        const unsigned cpu = first_of(rest);
        if ((topology.core[cpu] & ~idle) == 0) return cpu;
    }
    return first_of(choice);
}

/// Order of CPUs by how soon a thread of `level` would run there; lower is sooner.
std::uint64_t delay_rank(const CpuLoad& cpu, const SchedEntity& entity) {
    const bool above_fair = !is_fair(entity.policy);
    const bool preempts =
        above_fair ? !cpu.realtime_runs : !cpu.realtime_runs && entity.predict() < cpu.running;
    const std::uint64_t blocked = !above_fair && cpu.realtime_runs ? 2 : preempts ? 0 : 1;
    // Where it can preempt, the queue does not matter as much as whom it would join later.
    return blocked << 62 | (cpu.weight & (bit(62) - 1));
}

std::uint64_t sync_free(unsigned waker_cpu, Wake wake, const MachineLoad& load) {
    const bool free = wake == Wake::Sync && load.cpus[waker_cpu].waiting == 0 &&
                      !load.cpus[waker_cpu].realtime_runs;
    return free ? bit(waker_cpu) : 0;
}

}  // namespace

Topology Topology::regular(unsigned cpus, unsigned threads_per_core, unsigned cores_per_cache) {
    EXO_CHECK(cpus > 0 && cpus <= kMaxCpus && threads_per_core > 0 && cores_per_cache > 0,
              "impossible topology");
    Topology topology;
    const auto span = [cpus](unsigned cpu, unsigned size) {
        const unsigned begin = cpu / size * size;
        return below(cpus) & below(begin + size < kMaxCpus ? begin + size : kMaxCpus) &
               ~below(begin);
    };
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
        topology.core[cpu] = span(cpu, threads_per_core);
        topology.cache[cpu] = span(cpu, threads_per_core * cores_per_cache);
    }
    return topology;
}

std::optional<unsigned> select_cpu(const SchedEntity& entity, unsigned waker_cpu, Wake wake,
                                   const Topology& topology, const MachineLoad& load) {
    const std::uint64_t allowed = entity.affinity & load.online;
    if (allowed == 0) return std::nullopt;
    const unsigned last = entity.last_cpu;
    const std::uint64_t idle = load.idle & allowed;
    if ((idle & bit(last)) != 0) return last;
    // A waker about to sleep leaves its CPU, and what it wrote in its caches, to the woken.
    if ((sync_free(waker_cpu, wake, load) & allowed) != 0) return waker_cpu;
    const std::uint64_t near[] = {topology.core[last], topology.cache[last],
                                  topology.cache[waker_cpu], ~std::uint64_t{0}};
    for (const std::uint64_t domain : near) {
        if (const auto cpu = idle_among(domain & allowed, topology, load.idle)) return cpu;
    }
    std::uint64_t candidates =
        (topology.cache[last] | topology.cache[waker_cpu] | bit(last)) & allowed;
    if (candidates == 0) candidates = allowed;
    // Ties go to where its cached data is.
    unsigned best = (candidates & bit(last)) != 0 ? last : first_of(candidates);
    for (std::uint64_t rest = candidates; rest != 0; rest &= rest - 1) {
        const unsigned cpu = first_of(rest);
        if (delay_rank(load.cpus[cpu], entity) < delay_rank(load.cpus[best], entity)) best = cpu;
    }
    return best;
}

std::optional<unsigned> select_victim(unsigned thief, const Topology& topology,
                                      const MachineLoad& load) {
    const std::uint64_t others = load.online & ~load.idle & ~bit(thief);
    for (const std::uint64_t domain : {topology.cache[thief], ~std::uint64_t{0}}) {
        std::optional<unsigned> victim;
        for (std::uint64_t rest = others & domain; rest != 0; rest &= rest - 1) {
            const unsigned cpu = first_of(rest);
            const std::uint32_t waiting = load.cpus[cpu].waiting;
            if (waiting > 0 && (!victim || waiting > load.cpus[*victim].waiting)) victim = cpu;
        }
        if (victim) return victim;
    }
    return std::nullopt;
}

std::optional<unsigned> select_relief(unsigned cpu, const Topology& topology,
                                      const MachineLoad& load) {
    const std::uint32_t here = load.cpus[cpu].waiting;
    if (here == 0) return std::nullopt;
    const std::uint64_t others = load.online & ~bit(cpu);
    for (const std::uint64_t domain : {topology.cache[cpu], ~std::uint64_t{0}}) {
        if (const auto idle = idle_among(others & domain, topology, load.idle)) return idle;
    }
    std::optional<unsigned> emptiest;
    for (std::uint64_t rest = others; rest != 0; rest &= rest - 1) {
        const unsigned other = first_of(rest);
        if (!emptiest || load.cpus[other].waiting < load.cpus[*emptiest].waiting) emptiest = other;
    }
    if (!emptiest || load.cpus[*emptiest].waiting + 2 > here) return std::nullopt;
    return emptiest;
}

}  // namespace exo::sched
