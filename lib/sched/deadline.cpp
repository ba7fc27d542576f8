#include "lib/sched/deadline.h"

namespace exo::sched {

namespace {

/// Parts of kFullCpu, rounded up so that many small promises do not add up to more than there is.
/// runtime * 10^9 fits: a valid runtime is at most kMaxDeadlinePeriod.
std::uint64_t bandwidth(const DeadlineParams& params) {
    const std::uint64_t scaled = params.runtime_ns * DeadlineAdmission::kFullCpu;
    return (scaled + params.period_ns - 1) / params.period_ns;
}

bool valid(const DeadlineParams& params) {
    return params.runtime_ns >= kMinDeadlineRuntime && params.runtime_ns <= params.deadline_ns &&
           params.deadline_ns <= params.period_ns && params.period_ns >= kMinDeadlinePeriod &&
           params.period_ns <= kMaxDeadlinePeriod;
}

std::uint64_t absolute_deadline(const SchedEntity& entity) {
    return entity.deadline_at_ns;
}

void begin_period(SchedEntity& entity, std::uint64_t now_ns) {
    entity.deadline_at_ns = now_ns + entity.deadline.deadline_ns;
    entity.budget_ns = static_cast<std::int64_t>(entity.deadline.runtime_ns);
}

/// Whether running the rest of the budget before the current deadline would take more than the
/// thread's bandwidth: budget / (deadline_at - now) > runtime / deadline.
bool would_exceed(const SchedEntity& entity, std::uint64_t now_ns) {
    const std::uint64_t until_deadline = entity.deadline_at_ns - now_ns;
    return static_cast<std::uint64_t>(entity.budget_ns) * entity.deadline.deadline_ns >
           entity.deadline.runtime_ns * until_deadline;
}

}  // namespace

Result<void> DeadlineAdmission::admit(const DeadlineParams& params) {
    if (!valid(params)) return Errno::INVAL;
    const std::uint64_t wanted = bandwidth(params);
    if (wanted > limit_ - promised_) return Errno::BUSY;
    promised_ += wanted;
    return {};
}

void DeadlineAdmission::release(const DeadlineParams& params) {
    const std::uint64_t given = bandwidth(params);
    EXO_CHECK(given <= promised_, "deadline bandwidth released that was never admitted");
    promised_ -= given;
}

void DeadlineQueue::wake(SchedEntity& entity, std::uint64_t now_ns) {
    const bool period_over = entity.deadline_at_ns <= now_ns;
    if (!period_over && entity.budget_ns <= 0) {
        throttle(entity, now_ns);
        return;
    }
    if (period_over || would_exceed(entity, now_ns)) begin_period(entity, now_ns);
    push(entity);
}

void DeadlineQueue::push(SchedEntity& entity) {
    entity.state = EntityState::Queued;
    insert_sorted(ready_, entity, absolute_deadline);
    ++ready_count_;
}

void DeadlineQueue::throttle(SchedEntity& entity, std::uint64_t now_ns) {
    entity.state = EntityState::Throttled;
    insert_sorted(throttled_, entity, next_period_ns);
    replenish(now_ns);
}

void DeadlineQueue::replenish(std::uint64_t now_ns) {
    while (SchedEntity* entity = throttled_.front()) {
        if (next_period_ns(*entity) > now_ns) return;
        remove(*entity);
        // An overrun of several budgets costs several periods (CBS's rule).
        const auto runtime = static_cast<std::int64_t>(entity->deadline.runtime_ns);
        const std::int64_t periods = entity->budget_ns > 0 ? 0 : -entity->budget_ns / runtime + 1;
        entity->budget_ns += periods * runtime;
        entity->deadline_at_ns += static_cast<std::uint64_t>(periods) * entity->deadline.period_ns;
        if (entity->deadline_at_ns <= now_ns) begin_period(*entity, now_ns);
        push(*entity);
    }
}

std::uint64_t DeadlineQueue::next_replenish_ns() {
    const SchedEntity* entity = throttled_.front();
    return entity == nullptr ? kNever : next_period_ns(*entity);
}

void DeadlineQueue::remove(SchedEntity& entity) {
    entity.link.unlink();
    if (entity.state == EntityState::Queued) --ready_count_;
}

std::uint64_t DeadlineQueue::next_period_ns(const SchedEntity& entity) {
    return entity.deadline_at_ns - entity.deadline.deadline_ns + entity.deadline.period_ns;
}

void DeadlineQueue::insert_sorted(Threads& list, SchedEntity& entity,
                                  std::uint64_t (*key)(const SchedEntity&)) {
    const std::uint64_t value = key(entity);
    SchedEntity* after = list.front();
    while (after != nullptr && key(*after) <= value) after = list.next(*after);
    if (after != nullptr) {
        list.insert_before(entity, *after);
    } else {
        list.push_back(entity);
    }
}

}  // namespace exo::sched
