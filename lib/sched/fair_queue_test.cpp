#include "lib/sched/fair_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace exo::sched {
namespace {

using Reason = FairQueue::Reason;

class FairQueueTest : public testing::Test {
  protected:
    SchedEntity& add(Level level, std::uint64_t now_ns) {
        entities_.push_back(std::make_unique<SchedEntity>());
        SchedEntity& entity = *entities_.back();
        entity.level = level;
        queue_.push_back(entity, now_ns);
        return entity;
    }

    Tunables tunables_;
    FairQueue queue_{tunables_};
    std::vector<std::unique_ptr<SchedEntity>> entities_;
};

TEST_F(FairQueueTest, higher_levels_first_and_first_in_first_out_within) {
    SchedEntity& cold = add(Level::Cold, 0);
    SchedEntity& idle = add(Level::Idle, 0);
    SchedEntity& hot1 = add(Level::Hot, 1);
    SchedEntity& normal = add(Level::Normal, 1);
    SchedEntity& hot2 = add(Level::Hot, 2);
    EXPECT_EQ(queue_.count(), 5U);
    EXPECT_EQ(queue_.top(), Level::Hot);
    for (SchedEntity* expected : {&hot1, &hot2, &normal, &cold, &idle}) {
        const auto pick = queue_.pick(3);
        EXPECT_EQ(pick.entity, expected);
        EXPECT_EQ(pick.reason, Reason::Level);
    }
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.pick(3).entity, nullptr);
}

TEST_F(FairQueueTest, every_second_pick_is_for_age_once_over_the_limit) {
    const std::uint64_t old = tunables_.age_limit_ns[static_cast<std::size_t>(Level::Cold)];
    SchedEntity& cold1 = add(Level::Cold, 0);
    SchedEntity& cold2 = add(Level::Cold, 0);
    SchedEntity& hot1 = add(Level::Hot, old);
    SchedEntity& hot2 = add(Level::Hot, old);
    EXPECT_EQ(queue_.pick(old).entity, &hot1) << "the first pick goes by level";
    const auto rescue = queue_.pick(old);
    EXPECT_EQ(rescue.entity, &cold1);
    EXPECT_EQ(rescue.reason, Reason::Age);
    EXPECT_EQ(queue_.pick(old).entity, &hot2) << "after a rescue a level is due";
    EXPECT_EQ(queue_.pick(old).entity, &cold2);
}

TEST_F(FairQueueTest, among_many_threads_the_limit_is_the_levels) {
    const std::uint64_t limit = tunables_.age_limit_ns[static_cast<std::size_t>(Level::Normal)];
    SchedEntity& normal = add(Level::Normal, 0);
    for (int i = 0; i < 100; ++i) add(Level::Hot, 0);
    for (int i = 0; i < 10; ++i) EXPECT_NE(queue_.pick(limit - 1).entity, &normal);
    EXPECT_EQ(queue_.pick(limit).entity, &normal);
}

TEST_F(FairQueueTest, among_few_threads_the_limit_is_a_slice_for_each) {
    const std::uint64_t slice = tunables_.slice_ns[static_cast<std::size_t>(Level::Normal)];
    SchedEntity& normal = add(Level::Normal, 0);
    for (int i = 0; i < 4; ++i) add(Level::Hot, 0);
    EXPECT_NE(queue_.pick(0).entity, &normal);
    EXPECT_NE(queue_.pick(4 * slice - 1).entity, &normal);
    EXPECT_EQ(queue_.pick(3 * slice).entity, &normal);
}

TEST_F(FairQueueTest, of_several_aged_heads_the_oldest_is_rescued) {
    SchedEntity& cold = add(Level::Cold, 1);
    SchedEntity& idle = add(Level::Idle, 0);
    SchedEntity& normal = add(Level::Normal, 2);
    for (int i = 0; i < 4; ++i) add(Level::Hot, 3);
    const std::uint64_t later = 10 * kSecond;
    (void)queue_.pick(later);
    EXPECT_EQ(queue_.pick(later).entity, &idle);
    (void)queue_.pick(later);
    EXPECT_EQ(queue_.pick(later).entity, &cold);
    (void)queue_.pick(later);
    EXPECT_EQ(queue_.pick(later).entity, &normal);
}

TEST_F(FairQueueTest, a_preempted_thread_keeps_place_and_age) {
    SchedEntity& first = add(Level::Cold, 5);
    SchedEntity& second = add(Level::Cold, 6);
    EXPECT_EQ(queue_.pick(7).entity, &first);
    queue_.push_front(first);
    EXPECT_EQ(first.turn_since_ns, 5U);
    EXPECT_EQ(queue_.pick(8).entity, &first);
    EXPECT_EQ(queue_.pick(8).entity, &second);
}

TEST_F(FairQueueTest, removing_heads_middles_and_tails) {
    SchedEntity& a = add(Level::Normal, 0);
    SchedEntity& b = add(Level::Normal, 0);
    SchedEntity& c = add(Level::Normal, 0);
    queue_.remove(b);
    queue_.remove(a);
    EXPECT_EQ(queue_.count(Level::Normal), 1U);
    EXPECT_EQ(queue_.pick(1).entity, &c);
    queue_.push_back(a, 2);
    queue_.remove(a);
    EXPECT_TRUE(queue_.empty());
}

TEST_F(FairQueueTest, a_thread_that_left_is_not_written_to) {
    // More joins than kLookahead after each leaving: the hint's writer must have forgotten it.
    for (unsigned round = 0; round < 4 * FairQueue::kLookahead; ++round) {
        auto gone = std::make_unique<SchedEntity>();
        gone->level = Level::Hot;
        queue_.push_back(*gone, round);
        if (round % 2 == 0) {
            queue_.remove(*gone);
        } else {
            while (queue_.pick(round).entity != gone.get()) {
            }
        }
        gone.reset();  // AddressSanitizer watches it from here
        add(Level::Hot, round);
    }
}

TEST_F(FairQueueTest, finds_the_first_that_affinity_allows) {
    add(Level::Cold, 0).affinity = 0b01;
    SchedEntity& allowed = add(Level::Cold, 0);
    allowed.affinity = 0b10;
    add(Level::Hot, 0).affinity = 0b01;
    EXPECT_EQ(queue_.find_allowed(1, 8), &allowed);
    EXPECT_EQ(queue_.find_allowed(1, 1), nullptr) << "looks at one thread of each level only";
    EXPECT_EQ(queue_.find_allowed(2, 8), nullptr);
}

/// The policy in the plainest words: a list for each level, the oldest by search.
class Reference {
  public:
    explicit Reference(const Tunables& tunables) : tunables_(tunables) {}

    std::vector<SchedEntity*>& list(Level level) { return lists_[static_cast<std::size_t>(level)]; }

    SchedEntity* pick(std::uint64_t now_ns) {
        std::size_t top = 0;
        while (top < kLevelCount && lists_[top].empty()) ++top;
        if (top == kLevelCount) return nullptr;
        std::size_t chosen = top;
        if (by_level_) {
            SchedEntity* oldest = nullptr;
            for (std::size_t level = top + 1; level < kLevelCount; ++level) {
                if (lists_[level].empty()) continue;
                SchedEntity* head = lists_[level].front();
                const std::uint64_t limit =
                    std::min(tunables_.age_limit_ns[level], count() * tunables_.slice_ns[level]);
                const bool aged =
                    head->turn_since_ns < now_ns && now_ns - head->turn_since_ns >= limit;
                if (aged && (oldest == nullptr || head->turn_since_ns < oldest->turn_since_ns)) {
                    oldest = head;
                    chosen = level;
                }
            }
        }
        by_level_ = chosen == top;
        SchedEntity* entity = lists_[chosen].front();
        lists_[chosen].erase(lists_[chosen].begin());
        return entity;
    }

  private:
    [[nodiscard]] std::size_t count() const {
        std::size_t sum = 0;
        for (const auto& list : lists_) sum += list.size();
        return sum;
    }

    Tunables tunables_;
    std::vector<SchedEntity*> lists_[kLevelCount];
    bool by_level_ = false;
};

TEST(FairQueueModel, random_operations_agree_with_the_reference) {
    std::mt19937 random(2026);
    for (int run = 0; run < 30; ++run) {
        const Tunables tunables;
        FairQueue queue(tunables);
        Reference reference(tunables);
        std::vector<SchedEntity> entities(60);
        std::vector<SchedEntity*> out;
        out.reserve(entities.size());
        for (SchedEntity& entity : entities) out.push_back(&entity);
        SchedEntity* current = nullptr;
        std::uint64_t now = 0;
        std::uint32_t queued = 0;
        for (int step = 0; step < 5000; ++step) {
            now += random() % (8 * kMillisecond);
            const unsigned choice = random() % 10;
            if (choice < 4 && !out.empty()) {
                SchedEntity* entity = out[random() % out.size()];
                out.erase(std::find(out.begin(), out.end(), entity));
                entity->level = static_cast<Level>(random() % kLevelCount);
                queue.push_back(*entity, now);
                reference.list(entity->level).push_back(entity);
                ++queued;
            } else if (choice < 5 && queued > 0) {
                SchedEntity* entity = &entities[random() % entities.size()];
                auto& list = reference.list(entity->level);
                const auto at = std::find(list.begin(), list.end(), entity);
                if (at == list.end()) continue;
                list.erase(at);
                queue.remove(*entity);
                out.push_back(entity);
                --queued;
            } else if (choice < 6 && current != nullptr) {
                queue.push_front(*current);
                auto& list = reference.list(current->level);
                list.insert(list.begin(), current);
                current = nullptr;
                ++queued;
            } else {
                if (current != nullptr) out.push_back(current);
                const auto pick = queue.pick(now);
                ASSERT_EQ(pick.entity, reference.pick(now)) << "run " << run << " step " << step;
                // Only a thread picked by level may go back to the front (see run_queue.cpp).
                current = pick.reason == Reason::Level ? pick.entity : nullptr;
                if (pick.entity != nullptr && current == nullptr) out.push_back(pick.entity);
                if (pick.entity != nullptr) --queued;
            }
            ASSERT_EQ(queue.count(), queued);
            ASSERT_EQ(queue.empty(), queued == 0);
        }
    }
}

}  // namespace
}  // namespace exo::sched
