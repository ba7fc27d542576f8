#include "lib/sched/run_queue.h"

#include <algorithm>

namespace exo::sched {

namespace {}  // namespace

RunQueue::RunQueue(unsigned cpu, const Tunables& tunables)
    : cpu_(static_cast<std::uint8_t>(cpu)),
      fair_(tunables),
      rt_bandwidth_(tunables),
      tunables_(tunables) {
    EXO_CHECK(cpu < kMaxCpus, "run queue of a CPU that no mask can name");
}

void RunQueue::enqueue(SchedEntity& entity, Enqueue why, std::uint64_t now_ns) {
    EXO_CHECK(entity.state == EntityState::Blocked, "thread is already on a run queue");
    if (why != Enqueue::Migrated) {
        entity.predicted = entity.predict();
        entity.slice_left_ns = 0;
    }
    join(entity);
    entity.state = EntityState::Queued;
    if (is_fair(entity.policy)) {
        queue_fair(entity, now_ns);
    } else if (is_realtime(entity.policy)) {
        if (why != Enqueue::Migrated) {
            entity.slice_left_ns = static_cast<std::int32_t>(tunables_.rr_slice_ns);
        }
        rt_.push_back(entity);
    } else {
        deadline_.wake(entity, now_ns);
    }
}

void RunQueue::hand_over(SchedEntity& entity, std::uint64_t now_ns) {
    if (!is_fair(entity.policy) || current_ == nullptr || !is_fair(current_->policy)) {
        enqueue(entity, Enqueue::Wakeup, now_ns);
        return;
    }
    EXO_CHECK(entity.state == EntityState::Blocked, "thread is already on a run queue");
    if (next_ != nullptr) end_hand_over(now_ns);
    join(entity);
    entity.predicted = entity.predict();
    entity.slice_left_ns = 0;
    entity.level = level_now(entity);
    refill_slice(entity);
    entity.turn_since_ns = now_ns;
    entity.state = EntityState::Next;
    next_ = &entity;
}

SchedEntity* RunQueue::pick_next(std::uint64_t now_ns) {
    EXO_ASSERT(current_ == nullptr);
    const bool above_fair = !rt_.empty() || !deadline_.empty() || deadline_.any_throttled();
    if (above_fair || next_ != nullptr) [[unlikely]] {
        return pick_slow(now_ns);
    }
    return pick_fair(now_ns);
}

SchedEntity* RunQueue::pick_fair(std::uint64_t now_ns) {
    const auto [entity, reason] = fair_.pick(now_ns);
    if (entity == nullptr) return nullptr;
    rescue_ = reason == FairQueue::Reason::Age;
    std::int64_t turn = entity->slice_left_ns;
    if (rescue_) turn = std::min(turn, static_cast<std::int64_t>(tunables_.rescue_ns));
    return begin_turn(*entity, turn, !rescue_);
}

SchedEntity* RunQueue::pick_slow(std::uint64_t now_ns) {
    deadline_.replenish(now_ns);
    if (SchedEntity* entity = deadline_.first()) {
        deadline_.remove(*entity);
        rescue_ = false;
        return begin_turn(*entity, turn_left_ns_, false);
    }
    if (!rt_.empty() && rt_may_run(now_ns)) {
        SchedEntity* entity = rt_.pick();
        rescue_ = false;
        return begin_turn(*entity, turn_left_ns_, false);
    }
    if (next_ != nullptr && turn_left_ns_ <= 0) end_hand_over(now_ns);
    if (SchedEntity* entity = next_) {
        next_ = nullptr;
        rescue_ = false;
        return begin_turn(*entity, turn_left_ns_, false);
    }
    return pick_fair(now_ns);
}

SchedEntity* RunQueue::begin_turn(SchedEntity& entity, std::int64_t turn_ns, bool from_level) {
    entity.state = EntityState::Running;
    entity.last_cpu = cpu_;
    turn_left_ns_ = turn_ns;
    turn_from_level_ = from_level;
    current_ = &entity;
    return &entity;
}

bool RunQueue::rt_may_run(std::uint64_t now_ns) {
    const bool others_wait = !fair_.empty() || next_ != nullptr;
    return !others_wait || !rt_bandwidth_.exhausted(now_ns);
}

void RunQueue::account(std::uint64_t ran_ns, std::uint64_t now_ns) {
    EXO_CHECK(current_ != nullptr, "CPU time charged to no thread");
    SchedEntity& entity = *current_;
    const std::uint64_t burst = entity.burst_ns + std::min(ran_ns, Predictor::kMaxBurst);
    entity.burst_ns = static_cast<std::uint32_t>(std::min(burst, Predictor::kMaxBurst));
    // Both stay far from their ends: a slice is below 2^31, an overrun is cut to the same.
    const auto ran = static_cast<std::int32_t>(std::min<std::uint64_t>(ran_ns, INT32_MAX));
    if (is_fair(entity.policy)) {
        entity.slice_left_ns = std::max(entity.slice_left_ns, 0) - ran;
        turn_left_ns_ -= ran;
        return;
    }
    rt_bandwidth_.charge(ran_ns, now_ns);
    if (entity.policy == Policy::RoundRobin) {
        entity.slice_left_ns = std::max(entity.slice_left_ns, 0) - ran;
    } else if (entity.policy == Policy::Deadline) {
        entity.budget_ns -= ran;
    }
}

void RunQueue::put_prev(Put why, std::uint64_t now_ns) {
    EXO_CHECK(current_ != nullptr, "no thread to put back");
    SchedEntity& entity = *current_;
    current_ = nullptr;
    entity.state = EntityState::Queued;
    if (is_fair(entity.policy)) [[likely]] {
        put_fair(entity, why, now_ns);
        if (next_ != nullptr) end_hand_over(now_ns);
    } else if (is_realtime(entity.policy)) {
        put_realtime(entity, why);
    } else if (entity.budget_ns <= 0) {
        deadline_.throttle(entity, now_ns);
    } else if (why == Put::Yielded) {
        // Gives up the rest of this period (sched(7), "SCHED_DEADLINE").
        entity.budget_ns = 0;
        deadline_.throttle(entity, now_ns);
    } else {
        deadline_.push(entity);
    }
}

void RunQueue::put_fair(SchedEntity& entity, Put why, std::uint64_t now_ns) {
    const bool keeps_place = why == Put::Preempted && turn_from_level_ &&
                             entity.slice_left_ns > 0 && level_now(entity) == entity.level;
    if (keeps_place) {
        fair_.push_front(entity);
    } else {
        queue_fair(entity, now_ns);
    }
}

void RunQueue::put_realtime(SchedEntity& entity, Put why) {
    const bool expired = entity.policy == Policy::RoundRobin && entity.slice_left_ns <= 0;
    if (expired) entity.slice_left_ns = static_cast<std::int32_t>(tunables_.rr_slice_ns);
    if (why == Put::Yielded || expired) {
        rt_.push_back(entity);
    } else {
        rt_.push_front(entity);  // POSIX: a preempted thread heads its priority's list
    }
}

void RunQueue::block() {
    EXO_CHECK(current_ != nullptr, "no thread to block");
    SchedEntity& entity = *current_;
    current_ = nullptr;
    entity.state = EntityState::Blocked;
    if (entity.profile != nullptr) {
        entity.profile->learn(entity.predictor.context(), level_of_burst(entity.burst_ns));
    }
    entity.predictor.record(entity.burst_ns);
    entity.burst_ns = 0;
    leave(entity);
}

void RunQueue::dequeue(SchedEntity& entity) {
    EXO_CHECK(entity.state != EntityState::Running && entity.state != EntityState::Blocked,
              "thread does not wait on this run queue");
    if (&entity == next_) {
        next_ = nullptr;
    } else if (is_fair(entity.policy)) {
        fair_.remove(entity);
    } else if (is_realtime(entity.policy)) {
        rt_.remove(entity);
    } else {
        deadline_.remove(entity);
    }
    entity.state = EntityState::Blocked;
    leave(entity);
}

/// The thread in the hand-over slot queues like any other.
void RunQueue::end_hand_over(std::uint64_t now_ns) {
    SchedEntity& entity = *next_;
    next_ = nullptr;
    entity.state = EntityState::Queued;
    queue_fair(entity, now_ns);
}

void RunQueue::queue_fair(SchedEntity& entity, std::uint64_t now_ns) {
    entity.level = level_now(entity);
    if (entity.slice_left_ns <= 0) refill_slice(entity);
    fair_.push_back(entity, now_ns);
}

void RunQueue::refill_slice(SchedEntity& entity) const {
    std::uint64_t share = entity.weight;
    if (entity.group != nullptr) {
        // Up to 2^18 * 2^17: no overflow. The entity is runnable, so the divisor is not 0.
        share = std::uint64_t{entity.group->weight()} * share / entity.group->runnable_weight(cpu_);
    }
    const std::uint64_t whole =
        tunables_.slice_ns[static_cast<std::size_t>(entity.level)] * share / kNiceZeroWeight;
    const std::uint64_t slice = std::clamp(whole, tunables_.min_slice_ns, tunables_.max_slice_ns);
    entity.slice_ns = static_cast<std::uint32_t>(slice);
    const std::int64_t left = static_cast<std::int64_t>(slice) + entity.slice_left_ns;
    entity.slice_left_ns = static_cast<std::int32_t>(
        std::max(left, static_cast<std::int64_t>(tunables_.min_slice_ns)));
}

Level RunQueue::level_now(const SchedEntity& entity) {
    if (entity.policy == Policy::Idle) return Level::Idle;
    if (entity.policy == Policy::Batch) return Level::Cold;
    return std::max(entity.predicted, level_of_burst(entity.burst_ns));
}

void RunQueue::join(SchedEntity& entity) {
    if (!is_fair(entity.policy)) {
        load_ += QueueLoad::kOneAboveFair;
        return;
    }
    load_ += entity.weight;
    if (entity.group != nullptr) entity.group->add_runnable(cpu_, entity.weight);
}

void RunQueue::leave(SchedEntity& entity) {
    if (!is_fair(entity.policy)) {
        load_ -= QueueLoad::kOneAboveFair;
        return;
    }
    load_ -= entity.weight;
    if (entity.group != nullptr) entity.group->remove_runnable(cpu_, entity.weight);
}

}  // namespace exo::sched
