// Run queue: questions about the current thread, changes of a thread's parameters, stealing.
#include <algorithm>

#include "lib/sched/run_queue.h"

namespace exo::sched {

namespace {

/// Threads of one list that steal() looks at before it gives up on the list: keeps it O(1) where
/// affinity ties thousands of threads to this CPU.
constexpr unsigned kStealScan = 8;

}  // namespace

bool RunQueue::slice_expired(std::uint64_t now_ns) {
    if (current_ == nullptr) return false;
    const SchedEntity& entity = *current_;
    switch (entity.policy) {
        case Policy::Deadline:
            return entity.budget_ns <= 0;
        case Policy::RoundRobin:
            if (entity.slice_left_ns <= 0) return true;
            [[fallthrough]];
        case Policy::Fifo:
            return !rt_may_run(now_ns);
        case Policy::Normal:
        case Policy::Batch:
        case Policy::Idle:
            break;
    }
    return turn_left_ns_ <= 0 || entity.slice_left_ns <= 0;
}

std::uint64_t RunQueue::next_check_ns(std::uint64_t now_ns) {
    if (current_ == nullptr) return kNever;
    const SchedEntity& entity = *current_;
    const auto positive = [](std::int64_t ns) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    };
    if (entity.policy == Policy::Deadline) return positive(entity.budget_ns);
    if (is_fair(entity.policy)) {
        return waiting() == 0
                   ? kNever
                   : positive(std::min<std::int64_t>(turn_left_ns_, entity.slice_left_ns));
    }
    const bool others_wait = !fair_.empty() || next_ != nullptr;
    std::uint64_t check = kNever;
    if (others_wait) check = rt_bandwidth_.exhausted(now_ns) ? 0 : rt_bandwidth_.left_ns();
    if (entity.policy == Policy::RoundRobin && !rt_.empty()) {
        check = std::min(check, positive(entity.slice_left_ns));
    }
    return check;
}

std::uint64_t RunQueue::next_unthrottle_ns() {
    const bool rt_held_back = !rt_.empty() && rt_bandwidth_.left_ns() == 0;
    return std::min(deadline_.next_replenish_ns(),
                    rt_held_back ? rt_bandwidth_.period_end_ns() : kNever);
}

bool RunQueue::unthrottle(std::uint64_t now_ns) {
    deadline_.replenish(now_ns);
    const SchedEntity* first = deadline_.first();
    if (first != nullptr && should_preempt(*first, now_ns)) return true;
    const bool fair_runs = current_ == nullptr || is_fair(current_->policy);
    return fair_runs && !rt_.empty() && rt_may_run(now_ns);
}

bool RunQueue::should_preempt(const SchedEntity& woken, std::uint64_t now_ns) {
    // A throttled deadline thread waits for its next period, whoever runs.
    if (woken.state != EntityState::Queued) return false;
    if (current_ == nullptr) return true;
    const SchedEntity& entity = *current_;
    if (woken.policy == Policy::Deadline) {
        return entity.policy != Policy::Deadline || woken.deadline_at_ns < entity.deadline_at_ns;
    }
    if (is_realtime(woken.policy)) {
        if (is_realtime(entity.policy)) return woken.rt_priority > entity.rt_priority;
        return is_fair(entity.policy) && !rt_bandwidth_.exhausted(now_ns);
    }
    if (!is_fair(entity.policy)) return false;
    if (entity.policy == Policy::Idle) return !rescue_ && woken.policy != Policy::Idle;
    return woken.policy == Policy::Normal && !rescue_ && woken.level < level_now(entity);
}

std::uint64_t RunQueue::wait_bound_ns(Level level, std::uint64_t ahead,
                                      std::uint64_t longest_slice_ns, bool above_fair) const {
    const std::uint64_t bound = FairQueue::wait_bound_ns(tunables_, level, ahead, longest_slice_ns);
    if (!above_fair) return bound;
    if (tunables_.rt_runtime_ns >= tunables_.rt_period_ns) return kNever;
    const std::uint64_t left_each_period = tunables_.rt_period_ns - tunables_.rt_runtime_ns;
    return (bound / left_each_period + 2) * tunables_.rt_period_ns;
}

void RunQueue::set_nice(SchedEntity& entity, int nice) {
    const int valid = std::clamp(nice, kMinNice, kMaxNice);
    const bool runnable = entity.state != EntityState::Blocked;
    if (runnable) leave(entity);
    entity.nice = static_cast<std::int8_t>(valid);
    entity.weight = entity.policy == Policy::Idle ? kIdleWeight : weight_of_nice(valid);
    if (runnable) join(entity);
}

void RunQueue::set_group(SchedEntity& entity, SchedGroup* group) {
    const bool runnable = entity.state != EntityState::Blocked;
    if (runnable) leave(entity);
    entity.group = group;
    if (runnable) join(entity);
}

Result<void> RunQueue::set_policy(SchedEntity& entity, Policy policy, unsigned priority,
                                  const DeadlineParams& deadline, std::uint64_t now_ns) {
    const bool priority_valid = is_realtime(policy)
                                    ? priority >= kMinRtPriority && priority <= kMaxRtPriority
                                    : priority == 0;
    if (!priority_valid) return Errno::INVAL;
    const bool running = entity.state == EntityState::Running;
    const bool waits = entity.state != EntityState::Blocked && !running;
    const bool lowered = is_realtime(entity.policy) && priority < entity.rt_priority;
    if (waits) dequeue(entity);
    if (running) leave(entity);
    entity.policy = policy;
    entity.rt_priority = static_cast<std::uint8_t>(priority);
    entity.weight = policy == Policy::Idle ? kIdleWeight : weight_of_nice(entity.nice);
    entity.slice_left_ns =
        is_realtime(policy) ? static_cast<std::int32_t>(tunables_.rr_slice_ns) : 0;
    if (policy == Policy::Deadline) {
        entity.deadline = deadline;
        entity.deadline_at_ns = now_ns + deadline.deadline_ns;
        entity.budget_ns = static_cast<std::int64_t>(deadline.runtime_ns);
    }
    if (running) {
        // The rest of the turn was granted under the old policy: a fair thread is to pick again.
        join(entity);
        entity.level = level_now(entity);
        turn_left_ns_ = 0;
        turn_from_level_ = false;
        rescue_ = false;
    }
    if (waits && lowered && is_realtime(policy)) {
        entity.state = EntityState::Queued;
        rt_.push_front(entity);  // POSIX: it heads the list of its new priority
    } else if (waits) {
        enqueue(entity, Enqueue::Migrated, now_ns);
    }
    return {};
}

Result<void> RunQueue::set_affinity(SchedEntity& entity, std::uint64_t affinity) {
    if (affinity == 0) return Errno::INVAL;
    entity.affinity = affinity;
    return {};
}

SchedEntity* RunQueue::steal(unsigned thief) {
    EXO_CHECK(thief < kMaxCpus, "stealing for a CPU that no mask can name");
    SchedEntity* entity = rt_.find_allowed(thief, kStealScan);
    if (entity == nullptr) entity = fair_.find_allowed(thief, kStealScan);
    if (entity == nullptr && next_ != nullptr && next_->allowed_on(thief)) entity = next_;
    if (entity != nullptr) dequeue(*entity);
    return entity;
}

SchedEntity* RunQueue::relieve(unsigned other) {
    EXO_CHECK(other < kMaxCpus, "relieving to a CPU that no mask can name");
    SchedEntity* entity = fair_.find_allowed(other, kStealScan, std::uint64_t{1} << cpu_);
    if (entity != nullptr) dequeue(*entity);
    return entity;
}

}  // namespace exo::sched
