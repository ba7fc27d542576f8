#include "lib/sched/fair_queue.h"

#include <algorithm>

namespace exo::sched {

FairQueue::FairQueue(const Tunables& tunables) {
    std::copy(std::begin(tunables.age_limit_ns), std::end(tunables.age_limit_ns), age_limit_ns_);
    for (std::size_t level = 0; level < kLevelCount; ++level) {
        // Without ageing a round must not end it either; times any count this stays in 64 bits.
        slice_ns_[level] =
            tunables.age_limit_ns[level] == kNever ? kNever >> 32 : tunables.slice_ns[level];
    }
}

void FairQueue::push_front(SchedEntity& entity) {
    const auto level = static_cast<unsigned>(entity.level);
    EXO_ASSERT(entity.turn_since_ns <= head_since_ns_[level]);
    lists_[level].push_front(entity);
    head_since_ns_[level] = entity.turn_since_ns;
    ready_ |= 1U << level;
    ++count_;
    ++level_counts_[level];
}

void FairQueue::remove(SchedEntity& entity) {
    const auto level = static_cast<unsigned>(entity.level);
    Threads& list = lists_[level];
    const bool was_head = list.front() == &entity;
    entity.link.unlink();
    forget(entity, level);
    --count_;
    --level_counts_[level];
    if (was_head) head_changed(level, list.front());
}

SchedEntity* FairQueue::find_allowed(unsigned cpu, unsigned limit, std::uint64_t last_cpus) {
    for (std::uint32_t levels = ready_; levels != 0; levels &= levels - 1) {
        Threads& list = lists_[std::countr_zero(levels)];
        SchedEntity* entity = list.front();
        for (unsigned seen = 0; entity != nullptr && seen < limit; ++seen) {
            const bool ran_there = (last_cpus >> entity->last_cpu & 1) != 0;
            if (ran_there && entity->allowed_on(cpu)) return entity;
            entity = list.next(*entity);
        }
    }
    return nullptr;
}

std::uint64_t FairQueue::wait_bound_ns(const Tunables& tunables, Level level, std::uint64_t ahead,
                                       std::uint64_t longest_slice_ns) {
    const std::uint64_t per_thread =
        2 * longest_slice_ns + std::min(tunables.rescue_ns, longest_slice_ns);
    return tunables.age_limit_ns[static_cast<std::size_t>(level)] + (ahead + 1) * per_thread +
           longest_slice_ns;
}

}  // namespace exo::sched
