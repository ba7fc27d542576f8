// The queue of ordinary threads of one CPU: Hot, Normal, Cold and Idle lists, first in, first out,
// and a bitmap of the lists that are not empty. Picking is constant time and takes the highest
// level, except that every second pick may go to the thread that has waited longest, if a lower
// level's head is over its age limit: a fixed one, or the time in which every waiting thread could
// have had a slice, if that is shorter.
//
// Invariant: each list is ordered by turn_since_ns, oldest first. push_front() keeps it because it
// takes only threads that were picked from the front of that very list in this turn.
//
// With thousands of threads the list's next line is a cache miss whose address is only known from
// the line before it. So each thread carries the address of the one kLookahead places behind it
// (jump pointers: Roth and Sohi, "Effective Jump-Pointer Prefetching for Linked Data Structures",
// ISCA 1999), which a pick prefetches. That of a thread is lost when the one it names leaves early;
// what the new head names as next is therefore prefetched too, one pick of its level ahead.
#pragma once

#include <bit>
#include <cstdint>

#include "lib/base/cpu.h"
#include "lib/base/list.h"
#include "lib/sched/entity.h"
#include "lib/sched/params.h"

namespace exo::sched {

/// Unsynchronised: under the lock of its run queue.
class FairQueue {
  public:
    using Threads = List<SchedEntity, &SchedEntity::link>;

    /// Picks that a prefetch has time for; a power of two.
    static constexpr unsigned kLookahead = 16;

    enum class Reason : std::uint8_t { Level, Age };
    struct Pick {
        SchedEntity* entity;
        Reason reason;
    };

    explicit FairQueue(const Tunables& tunables);

    [[nodiscard]] bool empty() const { return ready_ == 0; }
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] std::uint32_t count(Level level) const {
        return level_counts_[static_cast<std::size_t>(level)];
    }
    [[nodiscard]] bool has(Level level) const {
        return (ready_ >> static_cast<unsigned>(level) & 1U) != 0;
    }

    /// The highest level that has a thread; not when empty().
    [[nodiscard]] Level top() const { return static_cast<Level>(std::countr_zero(ready_)); }

    /// Begins a turn of `entity` at the end of its level's list.
    void push_back(SchedEntity& entity, std::uint64_t now_ns);

    /// Takes a preempted thread back to the place it was picked from.
    void push_front(SchedEntity& entity);

    void remove(SchedEntity& entity);

    /// Takes out the thread to run next; {nullptr, Level} when empty. O(1).
    [[nodiscard]] Pick pick(std::uint64_t now_ns);

    /// The first thread in order of levels that may run on `cpu` and last ran on one of `last_cpus`
    /// (a mask), not taken out. Looks at no more than `limit` threads of each level.
    [[nodiscard]] SchedEntity* find_allowed(unsigned cpu, unsigned limit,
                                            std::uint64_t last_cpus = ~std::uint64_t{0});

    /// Upper bound of the time from joining the queue to being picked; docs/sched.md has the proof.
    /// `ahead`: threads of the run queue then, the running one included. `longest_slice_ns`: of
    /// all that were runnable meanwhile. Holds while no real-time thread runs.
    [[nodiscard]] static std::uint64_t wait_bound_ns(const Tunables& tunables, Level level,
                                                     std::uint64_t ahead,
                                                     std::uint64_t longest_slice_ns);

  private:
    [[nodiscard]] unsigned oldest_over_age(std::uint32_t candidates, std::uint64_t now_ns) const;
    void head_changed(unsigned level, SchedEntity* head);
    void remember(SchedEntity& entity, unsigned level);
    void forget(const SchedEntity& entity, unsigned level);

    // One line holds all that a pick reads besides the threads themselves.
    alignas(kCacheLine) std::uint32_t ready_ = 0;
    std::uint32_t count_ = 0;
    Reason last_reason_ = Reason::Age;
    /// turn_since_ns of each list's head; kNever when empty.
    std::uint64_t head_since_ns_[kLevelCount] = {kNever, kNever, kNever, kNever};
    Threads lists_[kLevelCount];
    std::uint32_t level_counts_[kLevelCount] = {};
    std::uint64_t age_limit_ns_[kLevelCount];
    std::uint64_t slice_ns_[kLevelCount];
    /// The latest to join each list, while they are in it: the one overwritten learns who came
    /// kLookahead places behind it. No thread that left is ever written to.
    SchedEntity* recent_[kLevelCount][kLookahead] = {};
    std::uint32_t joined_[kLevelCount] = {};
};

inline void FairQueue::remember(SchedEntity& entity, unsigned level) {
    const std::uint32_t slot = joined_[level]++ % kLookahead;
    SchedEntity*& recent = recent_[level][slot];
    entity.lookahead = &entity;
    entity.recent_slot = static_cast<std::uint8_t>(slot);
    if (recent != nullptr) recent->lookahead = &entity;
    recent = &entity;
}

inline void FairQueue::forget(const SchedEntity& entity, unsigned level) {
    SchedEntity*& recent = recent_[level][entity.recent_slot];
    if (recent == &entity) recent = nullptr;
}

inline void FairQueue::head_changed(unsigned level, SchedEntity* head) {
    if (head != nullptr) {
        head_since_ns_[level] = head->turn_since_ns;
    } else {
        head_since_ns_[level] = kNever;
        ready_ &= ~(1U << level);
    }
}

inline FairQueue::Pick FairQueue::pick(std::uint64_t now_ns) {
    if (ready_ == 0) return {nullptr, Reason::Level};
    auto level = static_cast<unsigned>(std::countr_zero(ready_));
    const std::uint32_t lower = ready_ & (ready_ - 1);
    Reason reason = Reason::Level;
    if (lower != 0 && last_reason_ == Reason::Level) {
        const unsigned aged = oldest_over_age(lower, now_ns);
        if (aged < kLevelCount) {
            level = aged;
            reason = Reason::Age;
        }
    }
    last_reason_ = reason;
    Threads& list = lists_[level];
    SchedEntity* entity = list.pop_front();
    prefetch_for_write(entity->lookahead);
    forget(*entity, level);
    --count_;
    --level_counts_[level];
    SchedEntity* head = list.front();
    if (head != nullptr) prefetch_for_write(list.next(*head));
    head_changed(level, head);
    return {entity, reason};
}

inline unsigned FairQueue::oldest_over_age(std::uint32_t candidates, std::uint64_t now_ns) const {
    unsigned oldest = kLevelCount;
    std::uint64_t oldest_since = kNever;
    for (unsigned level = 1; level < kLevelCount; ++level) {
        const std::uint64_t since = head_since_ns_[level];
        const bool candidate = (candidates >> level & 1U) != 0;
        // A head put in by another CPU with a slightly later clock has not waited at all.
        const std::uint64_t round = count_ * slice_ns_[level];
        const std::uint64_t limit = round < age_limit_ns_[level] ? round : age_limit_ns_[level];
        const bool aged = since < now_ns && now_ns - since >= limit;
        if (candidate && aged && since < oldest_since) {
            oldest = level;
            oldest_since = since;
        }
    }
    return oldest;
}

inline void FairQueue::push_back(SchedEntity& entity, std::uint64_t now_ns) {
    const auto level = static_cast<unsigned>(entity.level);
    entity.turn_since_ns = now_ns;
    if ((ready_ >> level & 1U) == 0) {
        head_since_ns_[level] = now_ns;
        ready_ |= 1U << level;
    }
    remember(entity, level);
    lists_[level].push_back(entity);
    ++count_;
    ++level_counts_[level];
}

}  // namespace exo::sched
