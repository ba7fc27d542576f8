#include "lib/sched/rt_queue.h"

#include <algorithm>

#include "lib/base/bits.h"

namespace exo::sched {

void RtBandwidth::roll(std::uint64_t now_ns) {
    if (now_ns < period_end_ns()) return;
    const std::uint64_t periods = (now_ns - period_start_ns_) / period_ns_;
    period_start_ns_ += periods * period_ns_;
    // What was overrun is paid for in the periods after; a whole period unused is not saved up.
    const std::uint64_t due = checked_mul(periods, runtime_ns_).value_or(kNever);
    used_ns_ -= std::min(used_ns_, due);
}

unsigned RtQueue::top_priority() const {
    if (ready_[0] != 0) return kMaxRtPriority - static_cast<unsigned>(std::countr_zero(ready_[0]));
    if (ready_[1] != 0) {
        return kMaxRtPriority - 64 - static_cast<unsigned>(std::countr_zero(ready_[1]));
    }
    return 0;
}

void RtQueue::push_back(SchedEntity& entity) {
    const unsigned slot = slot_of(entity.rt_priority);
    lists_[slot].push_back(entity);
    mark(slot);
    ++count_;
}

void RtQueue::push_front(SchedEntity& entity) {
    const unsigned slot = slot_of(entity.rt_priority);
    lists_[slot].push_front(entity);
    mark(slot);
    ++count_;
}

void RtQueue::remove(SchedEntity& entity) {
    entity.link.unlink();
    clear_if_empty(slot_of(entity.rt_priority));
    --count_;
}

SchedEntity* RtQueue::pick() {
    const unsigned priority = top_priority();
    if (priority == 0) return nullptr;
    SchedEntity* entity = lists_[slot_of(priority)].front();
    remove(*entity);
    return entity;
}

SchedEntity* RtQueue::find_allowed(unsigned cpu, unsigned limit) {
    for (unsigned word = 0; word < 2; ++word) {
        for (std::uint64_t bits = ready_[word]; bits != 0; bits &= bits - 1) {
            Threads& list = lists_[word * 64 + static_cast<unsigned>(std::countr_zero(bits))];
            SchedEntity* entity = list.front();
            for (unsigned seen = 0; entity != nullptr && seen < limit; ++seen) {
                if (entity->allowed_on(cpu)) return entity;
                entity = list.next(*entity);
            }
        }
    }
    return nullptr;
}

void RtQueue::clear_if_empty(unsigned slot) {
    if (lists_[slot].empty()) ready_[slot / 64] &= ~(std::uint64_t{1} << slot % 64);
}

}  // namespace exo::sched
