// The threads of one CPU: deadline above real-time above fair threads. Decides who runs next, for
// how long, and who may interrupt whom.
//
// Policy only: no clock and no lock inside. Whoever calls holds the run queue's lock and passes the
// CPU's time in nanoseconds, which never goes backwards. The life of a thread here:
//
//   enqueue() -> pick_next() -> account()... -> put_prev()   and so on, until
//                                            -> block()      sleeps or ends; enqueue() wakes it
#pragma once

#include <cstdint>

#include "lib/base/result.h"
#include "lib/sched/deadline.h"
#include "lib/sched/entity.h"
#include "lib/sched/fair_queue.h"
#include "lib/sched/group.h"
#include "lib/sched/params.h"
#include "lib/sched/rt_queue.h"

namespace exo::sched {

/// Why a thread becomes runnable.
enum class Enqueue : std::uint8_t {
    Wakeup,    ///< slept; a new burst begins
    New,       ///< just created
    Migrated,  ///< was runnable on another CPU, keeps burst and slice
};

/// Why a running thread leaves the CPU and stays runnable.
enum class Put : std::uint8_t {
    Preempted,  ///< someone more urgent came; it keeps its place
    Expired,    ///< its turn is over
    Yielded,    ///< sched_yield(2)
};

/// What is runnable in a queue: in the upper part how many threads above fair, below it the weight
/// of the fair ones, which even 2^32 of them do not carry over.
struct QueueLoad {
    static constexpr unsigned kAboveFairShift = 52;
    static constexpr std::uint64_t kOneAboveFair = std::uint64_t{1} << kAboveFairShift;

    std::uint64_t word = 0;
    [[nodiscard]] std::uint64_t fair_weight() const { return word & (kOneAboveFair - 1); }
    [[nodiscard]] bool any_above_fair() const { return word >= kOneAboveFair; }
};

class RunQueue {
  public:
    /// `cpu` < kMaxCpus.
    explicit RunQueue(unsigned cpu, const Tunables& tunables = {});
    RunQueue(const RunQueue&) = delete;
    RunQueue& operator=(const RunQueue&) = delete;

    /// Makes a Blocked thread runnable here.
    void enqueue(SchedEntity& entity, Enqueue why, std::uint64_t now_ns);

    /// Makes a Blocked thread runnable in the hand-over slot: it runs next, on what is left of the
    /// current turn, if the current thread blocks before that turn is over; else it queues like any
    /// other. For a waker that is about to wait for the woken. Not for threads above fair: they are
    /// enqueued. `entity` may run on this CPU.
    void hand_over(SchedEntity& entity, std::uint64_t now_ns);

    /// Chooses the next thread and makes it current; nullptr: the CPU idles. There is no current
    /// thread. O(1).
    [[nodiscard]] SchedEntity* pick_next(std::uint64_t now_ns);

    /// Charges the current thread with CPU time used since it was picked or last accounted.
    void account(std::uint64_t ran_ns, std::uint64_t now_ns);

    /// The current thread leaves the CPU and stays runnable; accounted up to now.
    void put_prev(Put why, std::uint64_t now_ns);

    /// The current thread leaves the CPU and sleeps or ends: its burst is complete.
    void block();

    /// Takes out a thread that waits here (migration, kill, change of class): it is Blocked after.
    void dequeue(SchedEntity& entity);

    /// Whether the current thread's turn is over: call put_prev(Expired) and pick_next().
    [[nodiscard]] bool slice_expired(std::uint64_t now_ns);

    /// CPU time after which slice_expired() is worth asking again; kNever: no need of a tick.
    [[nodiscard]] std::uint64_t next_check_ns(std::uint64_t now_ns);

    /// When a throttled thread has to be made ready although nothing else happens; kNever if none.
    /// Then, and before picking, call unthrottle(); true: the CPU should pick again.
    [[nodiscard]] std::uint64_t next_unthrottle_ns();
    [[nodiscard]] bool unthrottle(std::uint64_t now_ns);

    /// Whether `woken`, queued here, should take the CPU from the current thread now.
    [[nodiscard]] bool should_preempt(const SchedEntity& woken, std::uint64_t now_ns);

    /// Changes that may come in any state of the thread; it is on this run queue or Blocked.
    void set_nice(SchedEntity& entity, int nice);
    void set_group(SchedEntity& entity, SchedGroup* group);

    /// INVAL: `priority` is not 1..99 for Fifo and RoundRobin, not 0 for the rest. `deadline` must
    /// have passed DeadlineAdmission for Deadline and is ignored otherwise.
    Result<void> set_policy(SchedEntity& entity, Policy policy, unsigned priority,
                            const DeadlineParams& deadline, std::uint64_t now_ns);

    /// INVAL: `affinity` is 0. Afterwards a thread that is here and not allowed here must be moved
    /// by the caller.
    Result<void> set_affinity(SchedEntity& entity, std::uint64_t affinity);

    /// Takes out the most urgent waiting thread that may run on CPU `thief`, which idles and will
    /// run it at once; it is Blocked, to be enqueued there as Migrated. nullptr: nothing to give.
    [[nodiscard]] SchedEntity* steal(unsigned thief);

    /// Takes out a waiting thread for CPU `other`, as steal() does, but where it may have to wait
    /// anew: so one that has run here since it came. No thread is sent round without running.
    [[nodiscard]] SchedEntity* relieve(unsigned other);

    [[nodiscard]] unsigned cpu() const { return cpu_; }
    [[nodiscard]] SchedEntity* current() const { return current_; }
    [[nodiscard]] const Tunables& tunables() const { return tunables_; }

    /// Threads that wait here and could run: all but the current and the throttled.
    [[nodiscard]] std::uint32_t waiting() const {
        return fair_.count() + rt_.count() + deadline_.ready_count() +
               static_cast<std::uint32_t>(next_ != nullptr);
    }
    [[nodiscard]] const FairQueue& fair() const { return fair_; }

    /// Whether the current thread was picked for its age.
    [[nodiscard]] bool rescuing() const { return current_ != nullptr && rescue_; }

    /// Upper bound of the time a fair thread of `level` waits here: FairQueue::wait_bound_ns(),
    /// stretched by what threads above fair may take if there are any (`above_fair`). kNever if
    /// they are not limited.
    [[nodiscard]] std::uint64_t wait_bound_ns(Level level, std::uint64_t ahead,
                                              std::uint64_t longest_slice_ns,
                                              bool above_fair) const;

    /// Weight of the fair threads that are runnable here, current included.
    [[nodiscard]] std::uint64_t fair_weight() const { return QueueLoad{load_}.fair_weight(); }
    /// The same, and whether there are threads above fair, as one word to be published.
    [[nodiscard]] QueueLoad load() const { return QueueLoad{load_}; }

    /// Queue level of a fair thread now: what was predicted, or worse if its burst has already
    /// outgrown that.
    [[nodiscard]] static Level level_now(const SchedEntity& entity);

  private:
    [[nodiscard]] SchedEntity* pick_slow(std::uint64_t now_ns);
    [[nodiscard]] SchedEntity* pick_fair(std::uint64_t now_ns);
    SchedEntity* begin_turn(SchedEntity& entity, std::int64_t turn_ns, bool from_level);
    [[nodiscard]] bool rt_may_run(std::uint64_t now_ns);

    void join(SchedEntity& entity);
    void leave(SchedEntity& entity);
    void end_hand_over(std::uint64_t now_ns);
    void queue_fair(SchedEntity& entity, std::uint64_t now_ns);
    void put_fair(SchedEntity& entity, Put why, std::uint64_t now_ns);
    void put_realtime(SchedEntity& entity, Put why);
    void refill_slice(SchedEntity& entity) const;

    // Read and written by every pick.
    alignas(kCacheLine) SchedEntity* current_ = nullptr;
    SchedEntity* next_ = nullptr;
    /// What is left of the turn of the thread picked from a queue; a hand-over passes it on.
    std::int64_t turn_left_ns_ = 0;
    /// Whether current was picked for its level, so that it may come back to its list's front.
    bool turn_from_level_ = false;
    /// Whether current was picked for its age: fair threads do not preempt it.
    bool rescue_ = false;
    std::uint8_t cpu_;
    std::uint64_t load_ = 0;  ///< a QueueLoad's word

    FairQueue fair_;
    RtQueue rt_;
    DeadlineQueue deadline_;
    RtBandwidth rt_bandwidth_;
    Tunables tunables_;
};

}  // namespace exo::sched
