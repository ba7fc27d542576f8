#include "lib/sched/deadline.h"

#include <gtest/gtest.h>

namespace exo::sched {
namespace {

constexpr std::uint64_t ms(std::uint64_t n) {
    return n * kMillisecond;
}

TEST(DeadlineAdmission, up_to_the_limit_and_not_beyond) {
    DeadlineAdmission admission(1);
    const DeadlineParams half = {ms(5), ms(10), ms(10)};
    const DeadlineParams rest = {ms(45), ms(100), ms(100)};
    EXPECT_TRUE(admission.admit(half).has_value());
    EXPECT_EQ(admission.admit(half).error(), Errno::BUSY);
    EXPECT_TRUE(admission.admit(rest).has_value());
    EXPECT_EQ(admission.promised(), DeadlineAdmission::kFullCpu / 100 * 95);
    EXPECT_EQ(admission.admit({kMinDeadlineRuntime, kSecond, kSecond}).error(), Errno::BUSY);
    admission.release(half);
    EXPECT_TRUE(admission.admit(half).has_value());
}

TEST(DeadlineAdmission, invalid_parameters) {
    DeadlineAdmission admission(64);
    const DeadlineParams invalid[] = {
        {0, ms(10), ms(10)},
        {kMinDeadlineRuntime - 1, ms(10), ms(10)},
        {ms(11), ms(10), ms(10)},
        {ms(1), ms(11), ms(10)},
        {2000, 2000, kMinDeadlinePeriod - 1},
        {ms(1), ms(10), kMaxDeadlinePeriod + 1},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX},
    };
    for (const DeadlineParams& params : invalid) {
        EXPECT_EQ(admission.admit(params).error(), Errno::INVAL);
    }
    EXPECT_EQ(admission.promised(), 0U);
}

TEST(DeadlineAdmission, tiny_promises_are_rounded_up) {
    DeadlineAdmission admission(1);
    const DeadlineParams third = {ms(1), ms(3), ms(3)};
    ASSERT_TRUE(admission.admit(third).has_value());
    EXPECT_EQ(admission.promised(), 333'333'334U);
}

class DeadlineQueueTest : public testing::Test {
  protected:
    static void set(SchedEntity& entity, DeadlineParams params) {
        entity.policy = Policy::Deadline;
        entity.deadline = params;
    }
    DeadlineQueue queue_;
};

TEST_F(DeadlineQueueTest, earliest_deadline_first) {
    SchedEntity late;
    SchedEntity early;
    SchedEntity middle;
    set(late, {ms(1), ms(30), ms(30)});
    set(early, {ms(1), ms(10), ms(30)});
    set(middle, {ms(1), ms(20), ms(30)});
    for (SchedEntity* entity : {&late, &early, &middle}) queue_.wake(*entity, 0);
    for (SchedEntity* expected : {&early, &middle, &late}) {
        EXPECT_EQ(queue_.first(), expected);
        queue_.remove(*expected);
    }
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.ready_count(), 0U);
}

TEST_F(DeadlineQueueTest, throttled_until_the_next_period) {
    SchedEntity entity;
    set(entity, {ms(2), ms(10), ms(10)});
    queue_.wake(entity, 0);
    EXPECT_EQ(entity.deadline_at_ns, ms(10));
    queue_.remove(entity);
    entity.budget_ns = 0;
    queue_.throttle(entity, ms(2));
    EXPECT_EQ(entity.state, EntityState::Throttled);
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.next_replenish_ns(), ms(10));
    queue_.replenish(ms(10) - 1);
    EXPECT_TRUE(queue_.empty());
    queue_.replenish(ms(10));
    EXPECT_EQ(queue_.first(), &entity);
    EXPECT_EQ(entity.deadline_at_ns, ms(20));
    EXPECT_EQ(entity.budget_ns, static_cast<std::int64_t>(ms(2)));
    EXPECT_EQ(queue_.next_replenish_ns(), kNever);
}

TEST_F(DeadlineQueueTest, an_overrun_of_many_budgets_costs_as_many_periods) {
    SchedEntity entity;
    set(entity, {ms(1), ms(10), ms(10)});
    queue_.wake(entity, 0);
    queue_.remove(entity);
    entity.budget_ns = -static_cast<std::int64_t>(ms(5));
    queue_.throttle(entity, ms(10));
    EXPECT_EQ(entity.deadline_at_ns, ms(70));
    EXPECT_EQ(entity.budget_ns, static_cast<std::int64_t>(ms(1)));
}

TEST_F(DeadlineQueueTest, waking_keeps_a_budget_that_still_fits_and_renews_one_that_does_not) {
    SchedEntity entity;
    set(entity, {ms(4), ms(10), ms(10)});
    queue_.wake(entity, 0);
    queue_.remove(entity);
    entity.budget_ns = static_cast<std::int64_t>(ms(1));
    queue_.wake(entity, ms(5));  // 1 ms of 5: below its 40 %
    EXPECT_EQ(entity.deadline_at_ns, ms(10));
    EXPECT_EQ(entity.budget_ns, static_cast<std::int64_t>(ms(1)));
    queue_.remove(entity);
    queue_.wake(entity, ms(9));  // 1 ms of 1 would be 100 %
    EXPECT_EQ(entity.deadline_at_ns, ms(19));
    EXPECT_EQ(entity.budget_ns, static_cast<std::int64_t>(ms(4)));
}

TEST_F(DeadlineQueueTest, sleeping_does_not_renew_a_spent_budget) {
    SchedEntity entity;
    set(entity, {ms(4), ms(10), ms(10)});
    queue_.wake(entity, 0);
    queue_.remove(entity);
    entity.budget_ns = -1;
    queue_.wake(entity, ms(5));
    EXPECT_EQ(entity.state, EntityState::Throttled);
    EXPECT_EQ(queue_.next_replenish_ns(), ms(10));
    queue_.remove(entity);
    EXPECT_FALSE(queue_.any_throttled());
}

TEST(DeadlineAdmissionDeathTest, releasing_what_was_not_promised_ends) {
    DeadlineAdmission admission(1);
    EXPECT_DEATH(admission.release({ms(1), ms(10), ms(10)}), "never admitted");
}

}  // namespace
}  // namespace exo::sched
