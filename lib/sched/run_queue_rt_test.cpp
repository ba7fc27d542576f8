// Run queue: FIFO, RR and deadline threads, and what they leave to others.
#include <gtest/gtest.h>

#include "lib/sched/run_queue.h"

namespace exo::sched {
namespace {

constexpr std::uint64_t ms(std::uint64_t n) {
    return n * kMillisecond;
}

class RunQueueRtTest : public testing::Test {
  protected:
    void wake_fifo(SchedEntity& entity, unsigned priority) {
        ASSERT_TRUE(queue_.set_policy(entity, Policy::Fifo, priority, {}, now_).has_value());
        queue_.enqueue(entity, Enqueue::Wakeup, now_);
    }
    void wake_rr(SchedEntity& entity, unsigned priority) {
        ASSERT_TRUE(queue_.set_policy(entity, Policy::RoundRobin, priority, {}, now_).has_value());
        queue_.enqueue(entity, Enqueue::Wakeup, now_);
    }
    void wake_deadline(SchedEntity& entity, DeadlineParams params) {
        ASSERT_TRUE(queue_.set_policy(entity, Policy::Deadline, 0, params, now_).has_value());
        queue_.enqueue(entity, Enqueue::Wakeup, now_);
    }
    SchedEntity* pick() { return queue_.pick_next(now_); }
    void run(std::uint64_t ns) {
        now_ += ns;
        queue_.account(ns, now_);
    }

    std::uint64_t now_ = kSecond;
    RunQueue queue_{0};
    SchedEntity a_;
    SchedEntity b_;
    SchedEntity c_;
};

TEST_F(RunQueueRtTest, fifo_runs_until_it_blocks_or_a_higher_priority_comes) {
    wake_fifo(a_, 10);
    wake_fifo(b_, 10);
    ASSERT_EQ(pick(), &a_);
    run(ms(500));
    EXPECT_FALSE(queue_.slice_expired(now_));
    EXPECT_EQ(queue_.next_check_ns(now_), kNever);
    EXPECT_FALSE(queue_.should_preempt(b_, now_)) << "equal priority waits";
    wake_fifo(c_, 11);
    EXPECT_TRUE(queue_.should_preempt(c_, now_));
    queue_.put_prev(Put::Preempted, now_);
    ASSERT_EQ(pick(), &c_);
    queue_.block();
    EXPECT_EQ(pick(), &a_) << "heads its list again, before b";
    queue_.put_prev(Put::Yielded, now_);
    EXPECT_EQ(pick(), &b_) << "sched_yield(2) moves to the end";
}

TEST_F(RunQueueRtTest, threads_above_fair_count_while_they_are_runnable) {
    EXPECT_FALSE(queue_.load().any_above_fair());
    queue_.enqueue(b_, Enqueue::Wakeup, now_);
    EXPECT_FALSE(queue_.load().any_above_fair());
    wake_fifo(a_, 10);
    EXPECT_TRUE(queue_.load().any_above_fair());
    EXPECT_EQ(queue_.load().fair_weight(), kNiceZeroWeight);
    ASSERT_EQ(pick(), &a_);
    ASSERT_TRUE(queue_.set_policy(b_, Policy::RoundRobin, 3, {}, now_).has_value());
    EXPECT_EQ(queue_.fair_weight(), 0u);
    queue_.block();
    EXPECT_TRUE(queue_.load().any_above_fair());
    ASSERT_TRUE(queue_.set_policy(b_, Policy::Normal, 0, {}, now_).has_value());
    EXPECT_FALSE(queue_.load().any_above_fair());
    EXPECT_EQ(queue_.fair_weight(), kNiceZeroWeight);
}

TEST_F(RunQueueRtTest, a_thread_that_is_lowered_heads_its_new_list) {
    wake_fifo(a_, 5);
    wake_fifo(b_, 9);
    wake_fifo(c_, 5);
    ASSERT_TRUE(queue_.set_policy(b_, Policy::Fifo, 5, {}, now_).has_value());
    EXPECT_EQ(pick(), &b_);
    queue_.block();
    ASSERT_TRUE(queue_.set_policy(c_, Policy::Fifo, 6, {}, now_).has_value());
    EXPECT_EQ(pick(), &c_);
}

TEST_F(RunQueueRtTest, round_robin_takes_turns_of_its_slice) {
    wake_rr(a_, 10);
    wake_rr(b_, 10);
    ASSERT_EQ(pick(), &a_);
    EXPECT_EQ(queue_.next_check_ns(now_), ms(100));
    run(ms(60));
    queue_.put_prev(Put::Preempted, now_);
    ASSERT_EQ(pick(), &a_);
    EXPECT_EQ(queue_.next_check_ns(now_), ms(40));
    run(ms(40));
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(pick(), &b_);
    EXPECT_EQ(a_.slice_left_ns, static_cast<std::int32_t>(ms(100)));
}

TEST_F(RunQueueRtTest, a_hog_leaves_a_twentieth_to_those_who_wait) {
    queue_.enqueue(b_, Enqueue::Wakeup, now_);
    wake_fifo(a_, 99);
    ASSERT_EQ(pick(), &a_);
    EXPECT_EQ(queue_.next_check_ns(now_), ms(950));
    run(ms(950));
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    ASSERT_EQ(pick(), &b_);
    EXPECT_EQ(queue_.next_unthrottle_ns(), 2 * kSecond);
    EXPECT_FALSE(queue_.should_preempt(a_, now_));
    run(ms(50));
    EXPECT_TRUE(queue_.unthrottle(now_));
    queue_.put_prev(Put::Preempted, now_);
    EXPECT_EQ(pick(), &a_);
}

TEST_F(RunQueueRtTest, a_hog_keeps_the_cpu_if_nobody_else_wants_it) {
    wake_fifo(a_, 1);
    ASSERT_EQ(pick(), &a_);
    run(ms(990));
    EXPECT_FALSE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Preempted, now_);
    EXPECT_EQ(pick(), &a_);
}

TEST_F(RunQueueRtTest, deadline_before_fifo_and_the_earlier_deadline_first) {
    wake_fifo(a_, 99);
    wake_deadline(b_, {ms(5), ms(50), ms(50)});
    ASSERT_EQ(pick(), &b_);
    wake_deadline(c_, {ms(5), ms(20), ms(50)});
    EXPECT_TRUE(queue_.should_preempt(c_, now_));
    EXPECT_FALSE(queue_.should_preempt(a_, now_));
    queue_.put_prev(Put::Preempted, now_);
    EXPECT_EQ(pick(), &c_);
    queue_.block();
    EXPECT_EQ(pick(), &b_);
    queue_.block();
    EXPECT_EQ(pick(), &a_);
}

TEST_F(RunQueueRtTest, a_spent_budget_waits_for_the_next_period) {
    wake_deadline(a_, {ms(5), ms(20), ms(20)});
    queue_.enqueue(b_, Enqueue::Wakeup, now_);
    ASSERT_EQ(pick(), &a_);
    EXPECT_EQ(queue_.next_check_ns(now_), ms(5));
    run(ms(5));
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(a_.state, EntityState::Throttled);
    ASSERT_EQ(pick(), &b_);
    EXPECT_FALSE(queue_.unthrottle(now_));
    EXPECT_EQ(queue_.next_unthrottle_ns(), kSecond + ms(20));
    run(ms(15));
    EXPECT_TRUE(queue_.unthrottle(now_));
    EXPECT_TRUE(queue_.should_preempt(a_, now_));
    queue_.put_prev(Put::Preempted, now_);
    EXPECT_EQ(pick(), &a_);
}

TEST_F(RunQueueRtTest, a_deadline_thread_that_yields_is_done_for_this_period) {
    wake_deadline(a_, {ms(5), ms(20), ms(20)});
    ASSERT_EQ(pick(), &a_);
    run(ms(1));
    queue_.put_prev(Put::Yielded, now_);
    EXPECT_EQ(a_.state, EntityState::Throttled);
    EXPECT_EQ(pick(), nullptr);
    now_ = kSecond + ms(20);
    EXPECT_EQ(pick(), &a_);
    EXPECT_EQ(a_.budget_ns, static_cast<std::int64_t>(ms(5)));
}

TEST_F(RunQueueRtTest, a_throttled_thread_can_be_taken_out) {
    wake_deadline(a_, {ms(5), ms(20), ms(20)});
    ASSERT_EQ(pick(), &a_);
    run(ms(6));
    queue_.put_prev(Put::Expired, now_);
    queue_.dequeue(a_);
    EXPECT_EQ(queue_.next_unthrottle_ns(), kNever);
    EXPECT_EQ(pick(), nullptr);
}

TEST_F(RunQueueRtTest, real_time_over_a_fair_thread_and_over_a_rescue) {
    queue_.enqueue(b_, Enqueue::Wakeup, now_);
    ASSERT_EQ(pick(), &b_);
    wake_fifo(a_, 1);
    EXPECT_TRUE(queue_.should_preempt(a_, now_));
}

}  // namespace
}  // namespace exo::sched
