#include "lib/sched/rt_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <vector>

namespace exo::sched {
namespace {

TEST(RtQueue, highest_priority_first_for_every_priority) {
    RtQueue queue;
    std::vector<SchedEntity> entities(kMaxRtPriority + 1);
    for (unsigned i = 0; i < kMaxRtPriority; ++i) {
        const unsigned priority = 1 + i * 37 % kMaxRtPriority;
        entities[priority].rt_priority = static_cast<std::uint8_t>(priority);
        queue.push_back(entities[priority]);
    }
    EXPECT_EQ(queue.count(), kMaxRtPriority);
    for (unsigned priority = kMaxRtPriority; priority >= kMinRtPriority; --priority) {
        EXPECT_EQ(queue.top_priority(), priority);
        EXPECT_EQ(queue.pick(), &entities[priority]);
    }
    EXPECT_EQ(queue.top_priority(), 0U);
    EXPECT_EQ(queue.pick(), nullptr);
}

TEST(RtQueue, random_operations_agree_with_a_map_of_queues) {
    RtQueue queue;
    std::map<unsigned, std::deque<SchedEntity*>, std::greater<>> reference;
    std::vector<SchedEntity> entities(50);
    std::vector<SchedEntity*> out;
    out.reserve(entities.size());
    for (SchedEntity& entity : entities) out.push_back(&entity);
    std::mt19937 random(3);
    for (int step = 0; step < 50'000; ++step) {
        if (!out.empty() && random() % 2 == 0) {
            SchedEntity* entity = out.back();
            out.pop_back();
            entity->rt_priority = static_cast<std::uint8_t>(1 + random() % kMaxRtPriority);
            auto& list = reference[entity->rt_priority];
            if (random() % 2 == 0) {
                queue.push_back(*entity);
                list.push_back(entity);
            } else {
                queue.push_front(*entity);
                list.push_front(entity);
            }
            continue;
        }
        SchedEntity* picked = queue.pick();
        const auto first = reference.begin();
        if (first == reference.end()) {
            ASSERT_EQ(picked, nullptr);
            continue;
        }
        ASSERT_EQ(picked, first->second.front());
        first->second.pop_front();
        if (first->second.empty()) reference.erase(first);
        out.push_back(picked);
    }
}

TEST(RtBandwidth, exhausted_until_the_period_ends) {
    const Tunables tunables;
    RtBandwidth bandwidth(tunables);
    bandwidth.charge(949 * kMillisecond, 949 * kMillisecond);
    EXPECT_FALSE(bandwidth.exhausted(949 * kMillisecond));
    EXPECT_EQ(bandwidth.left_ns(), 1 * kMillisecond);
    bandwidth.charge(1 * kMillisecond, 950 * kMillisecond);
    EXPECT_TRUE(bandwidth.exhausted(950 * kMillisecond));
    EXPECT_TRUE(bandwidth.exhausted(kSecond - 1));
    EXPECT_FALSE(bandwidth.exhausted(kSecond));
}

TEST(RtBandwidth, an_overrun_is_paid_in_the_next_period) {
    const Tunables tunables;
    RtBandwidth bandwidth(tunables);
    bandwidth.charge(1000 * kMillisecond, 999 * kMillisecond);
    EXPECT_FALSE(bandwidth.exhausted(kSecond));
    EXPECT_EQ(bandwidth.left_ns(), 900 * kMillisecond);
}

TEST(RtBandwidth, unlimited_when_runtime_covers_the_period) {
    Tunables tunables;
    tunables.rt_runtime_ns = tunables.rt_period_ns;
    RtBandwidth bandwidth(tunables);
    bandwidth.charge(100 * kSecond, kSecond);
    EXPECT_FALSE(bandwidth.exhausted(kSecond));
    EXPECT_EQ(bandwidth.left_ns(), kNever);
}

}  // namespace
}  // namespace exo::sched
