// Two CPUs that steal from each other under their run queues' locks, taken in order of CPU.
#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

#include "lib/sched/run_queue.h"

namespace exo::sched {
namespace {

struct Cpu {
    explicit Cpu(unsigned number) : queue(number) {}
    std::mutex lock;
    RunQueue queue;
    std::uint64_t picks = 0;
};

/// Runs `turns` turns on `self`; steals from `other` when it has nothing.
void serve(Cpu& self, Cpu& other, BurstProfile& profile, unsigned turns) {
    std::uint64_t now = 0;
    for (unsigned turn = 0; turn < turns; ++turn) {
        now += 100 * kMicrosecond;
        SchedEntity* entity = nullptr;
        {
            const std::scoped_lock guard(self.lock);
            entity = self.queue.pick_next(now);
        }
        if (entity == nullptr) {
            const std::scoped_lock both(self.lock, other.lock);
            SchedEntity* stolen = other.queue.steal(self.queue.cpu());
            if (stolen != nullptr) self.queue.enqueue(*stolen, Enqueue::Migrated, now);
            continue;
        }
        const std::scoped_lock guard(self.lock);
        self.queue.account(100 * kMicrosecond, now);
        ++self.picks;
        // Every other turn ends in a sleep: the profile is shared without a lock.
        if (turn % 2 == 0) {
            self.queue.put_prev(Put::Expired, now);
            continue;
        }
        self.queue.block();
        entity->profile = &profile;
        self.queue.enqueue(*entity, Enqueue::Wakeup, now);
    }
}

TEST(Steal, threads_are_neither_lost_nor_doubled) {
    constexpr unsigned kThreads = 5;
    Cpu left(0);
    Cpu right(1);
    BurstProfile profile;
    std::vector<SchedEntity> entities(kThreads);
    for (SchedEntity& entity : entities) left.queue.enqueue(entity, Enqueue::New, 0);
    std::thread other([&] { serve(right, left, profile, 20'000); });
    serve(left, right, profile, 20'000);
    other.join();
    EXPECT_EQ(left.queue.waiting() + right.queue.waiting(), kThreads);
    EXPECT_EQ(left.queue.fair_weight() + right.queue.fair_weight(), kThreads * kNiceZeroWeight);
    EXPECT_GT(left.picks, 0U);
    EXPECT_GT(right.picks, 0U) << "the right CPU began with nothing";
    for (const SchedEntity& entity : entities) EXPECT_EQ(entity.state, EntityState::Queued);
}

}  // namespace
}  // namespace exo::sched
