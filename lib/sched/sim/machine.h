// The simulated machine: CPUs with a run queue each, threads that follow their scripts, and the
// queue of events between them. simulate() drives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "lib/sched/sim/simulator.h"

namespace exo::sched::sim {

class Machine {
  public:
    explicit Machine(const Scenario& scenario);

    /// Gives every thread its parameters. Errors as simulate().
    Result<void> prepare();

    Report run();

  private:
    struct Thread {
        SchedEntity entity;
        const Script* script = nullptr;
        std::size_t next_op = 0;
        std::uint64_t run_left_ns = 0;
        /// Wakes that came before their Wait.
        std::uint64_t tokens = 0;
        bool waits_for_token = false;
        bool started = false;
        /// The wait in progress: since when, and what its bound depends on.
        std::uint64_t wait_since_ns = kNever;
        std::uint64_t wait_ahead = 0;
        unsigned wait_cpu = 0;
        Level wait_level = Level::Hot;
        bool woken = false;
        /// Predictions of the burst in progress by the plainer predictors.
        Level by_average = Level::Hot;
        Level by_last = Level::Hot;
    };

    struct Cpu {
        Cpu(unsigned number, const Tunables& tunables) : queue(number, tunables) {}
        RunQueue queue;
        std::uint64_t ran_until_ns = 0;
        /// Events carry the generation they were made for; an older one is void.
        std::uint64_t generation = 0;
        std::uint64_t unthrottle_at_ns = kNever;
        bool reschedule = false;
        bool above_fair_seen = false;
        std::uint64_t longest_slice_ns = 0;
    };

    enum class What : std::uint8_t { Ready, Check, Unthrottle, Balance };
    struct Event {
        std::uint64_t at_ns;
        std::uint64_t sequence;  // ties in order of creation: the run is deterministic
        What what;
        std::size_t subject;  // thread or CPU
        std::uint64_t generation;
        bool operator>(const Event& other) const {
            return at_ns != other.at_ns ? at_ns > other.at_ns : sequence > other.sequence;
        }
    };

    /// The moment `ns` from now; kNever if there is none.
    [[nodiscard]] std::uint64_t after(std::uint64_t ns) const {
        return ns < kNever - now_ns_ ? now_ns_ + ns : kNever;
    }
    void post(std::uint64_t at_ns, What what, std::size_t subject, std::uint64_t generation = 0);
    void handle(const Event& event);
    void check(unsigned cpu);
    void balance(unsigned cpu);
    void migrate(SchedEntity& entity, unsigned cpu);
    void reschedule_marked();
    void choose(unsigned cpu);
    bool steal_for(unsigned thief);
    void arm(unsigned cpu);

    void catch_up(unsigned cpu);
    void step(unsigned cpu);
    bool run_ops(Thread& thread, unsigned cpu);
    void finish_burst(Thread& thread, unsigned cpu, bool exits);
    void wake_from(Thread& waker, std::size_t woken, unsigned cpu);
    void make_runnable(std::size_t index, Enqueue why, unsigned waker_cpu, Wake wake);
    void begin_wait(Thread& thread, unsigned cpu, std::uint64_t ahead, bool woken);
    void end_wait(Thread& thread, bool picked);

    [[nodiscard]] MachineLoad load() const;
    Thread& owner(const SchedEntity& entity);
    std::size_t index_of(const Thread& thread) const;

    const Scenario& scenario_;
    Topology topology_;
    std::vector<std::unique_ptr<Cpu>> cpus_;
    std::vector<std::unique_ptr<Thread>> threads_;
    std::vector<std::unique_ptr<SchedGroup>> groups_;
    std::map<std::string, BurstProfile> profiles_;
    std::map<const SchedEntity*, std::size_t> index_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t sequence_ = 0;
    std::uint64_t now_ns_ = 0;
    std::size_t alive_ = 0;
    Report report_;
};

}  // namespace exo::sched::sim
