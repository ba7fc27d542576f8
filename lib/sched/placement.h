// Which CPU a waking thread goes to, and from which CPU an idle or underloaded one takes work.
// Functions of a snapshot: they lock nothing, and since every summary may be out of date by the
// time it is used, a wrong one costs a detour, never correctness.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/sched/entity.h"
#include "lib/sched/params.h"

namespace exo::sched {

/// What each CPU publishes of itself.
struct CpuLoad {
    /// Threads that wait in its queue; the running one does not count.
    std::uint32_t waiting = 0;
    /// Weight of its runnable fair threads, the running one included.
    std::uint64_t weight = 0;
    /// Whether a thread above fair runs there, which a fair thread had to wait for.
    bool realtime_runs = false;
    /// Level of the fair thread that runs there; Idle if none does.
    Level running = Level::Idle;
};

/// The machine's shape: for each CPU the CPUs of its core (SMT siblings) and of its last-level
/// cache, both including itself.
struct Topology {
    std::uint64_t core[kMaxCpus] = {};
    std::uint64_t cache[kMaxCpus] = {};

    /// `cpus` CPUs, `threads_per_core` neighbours to a core, `cores_per_cache` cores to a cache;
    /// none is 0, cpus <= kMaxCpus.
    static Topology regular(unsigned cpus, unsigned threads_per_core, unsigned cores_per_cache);
};

/// All CPUs at one moment. Only CPUs in `online` are read.
struct MachineLoad {
    std::uint64_t online = 0;
    std::uint64_t idle = 0;
    CpuLoad cpus[kMaxCpus];
};

/// How a thread was woken.
enum class Wake : std::uint8_t {
    Plain,
    Sync,  ///< the waker is about to sleep: its CPU counts as free if nobody else waits there
};

/// CPU for a thread that wakes up: the one it last ran on if that idles; an idle core, then any
/// idle CPU, of the caches of its last CPU and of the waker; any idle CPU; else, among its and the
/// waker's cache, where it would run soonest. nullopt: its affinity has no online CPU.
[[nodiscard]] std::optional<unsigned> select_cpu(const SchedEntity& entity, unsigned waker_cpu,
                                                 Wake wake, const Topology& topology,
                                                 const MachineLoad& load);

/// From which CPU the idle `thief` should try to steal: the one with the most waiting threads, of
/// its own cache if any has one; nullopt: nobody waits anywhere.
[[nodiscard]] std::optional<unsigned> select_victim(unsigned thief, const Topology& topology,
                                                    const MachineLoad& load);

/// Which CPU should take a thread over from `cpu`, where some wait: one that idles, of its own
/// cache if any does; else the one where the fewest wait, if they are at least two fewer than here
/// (one fewer would only swap them). nullopt: none. Whoever has threads waiting asks, now and then:
/// a CPU that idles, or runs one thread alone, has no clock that would make it look.
[[nodiscard]] std::optional<unsigned> select_relief(unsigned cpu, const Topology& topology,
                                                    const MachineLoad& load);

}  // namespace exo::sched
