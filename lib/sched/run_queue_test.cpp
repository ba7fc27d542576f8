#include "lib/sched/run_queue.h"

#include <gtest/gtest.h>

namespace exo::sched {
namespace {

constexpr std::uint64_t ms(std::uint64_t n) {
    return n * kMillisecond;
}

class RunQueueTest : public testing::Test {
  protected:
    static void predict(SchedEntity& entity, std::uint64_t burst_ns) {
        for (std::size_t i = 0; i < kHistory; ++i) entity.predictor.record(burst_ns);
    }

    void set(SchedEntity& entity, Policy policy, unsigned priority = 0,
             DeadlineParams deadline = {}) {
        ASSERT_TRUE(queue_.set_policy(entity, policy, priority, deadline, now_).has_value());
    }

    void wake(SchedEntity& entity) { queue_.enqueue(entity, Enqueue::Wakeup, now_); }

    SchedEntity* pick() { return queue_.pick_next(now_); }

    void run(std::uint64_t ns) {
        now_ += ns;
        queue_.account(ns, now_);
    }

    std::uint64_t now_ = kSecond;
    RunQueue queue_{3};
    SchedEntity a_;
    SchedEntity b_;
    SchedEntity c_;
};

TEST_F(RunQueueTest, a_life_from_enqueue_to_block) {
    EXPECT_EQ(pick(), nullptr);
    wake(a_);
    EXPECT_EQ(a_.state, EntityState::Queued);
    EXPECT_EQ(queue_.waiting(), 1U);
    EXPECT_EQ(queue_.fair_weight(), kNiceZeroWeight);
    ASSERT_EQ(pick(), &a_);
    EXPECT_EQ(a_.state, EntityState::Running);
    EXPECT_EQ(a_.last_cpu, 3);
    EXPECT_EQ(queue_.waiting(), 0U);
    run(ms(2));
    queue_.block();
    EXPECT_EQ(a_.state, EntityState::Blocked);
    EXPECT_EQ(queue_.current(), nullptr);
    EXPECT_EQ(a_.predictor.sample(0), ms(2));
    EXPECT_EQ(a_.burst_ns, 0U);
    EXPECT_EQ(queue_.fair_weight(), 0U);
}

// A long start leaves an average that many short bursts do not bring down; known or not, the
// program's second short burst is expected to be short.
TEST_F(RunQueueTest, a_thread_that_becomes_interactive_is_believed_after_one_short_burst) {
    BurstProfile profile;
    a_.profile = &profile;
    for (int burst = 0; burst < 12; ++burst) {
        wake(a_);
        if (burst > 1) EXPECT_EQ(a_.level, Level::Hot) << burst;
        ASSERT_EQ(pick(), &a_);
        run(burst == 0 ? ms(40) : ms(1) / 10);
        queue_.block();
        if (burst == 1) EXPECT_EQ(a_.predictor.level(), Level::Cold);
    }
}

TEST_F(RunQueueTest, a_burst_spans_preemptions) {
    wake(a_);
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(pick(), &a_);
        run(ms(3));
        queue_.put_prev(i % 2 == 0 ? Put::Preempted : Put::Expired, now_);
    }
    ASSERT_EQ(pick(), &a_);
    queue_.block();
    EXPECT_EQ(a_.predictor.samples(), 1U);
    EXPECT_EQ(a_.predictor.sample(0), ms(15));
}

TEST_F(RunQueueTest, a_thread_that_outgrows_its_prediction_sinks) {
    wake(a_);
    EXPECT_EQ(a_.level, Level::Hot);
    ASSERT_EQ(pick(), &a_);
    run(ms(1));
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(a_.level, Level::Normal);
    ASSERT_EQ(pick(), &a_);
    run(ms(9));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(a_.level, Level::Cold);
}

TEST_F(RunQueueTest, slices_follow_nice_as_in_linux) {
    predict(a_, ms(20));
    predict(b_, ms(20));
    queue_.set_nice(b_, 5);
    wake(a_);
    wake(b_);
    EXPECT_EQ(a_.slice_ns, ms(4));
    EXPECT_NEAR(b_.slice_ns, ms(4) * 335.0 / 1024, 20'000);
    queue_.set_nice(a_, -100);
    EXPECT_EQ(a_.nice, kMinNice);
    queue_.set_nice(a_, 100);
    EXPECT_EQ(a_.nice, kMaxNice);
    EXPECT_EQ(queue_.fair_weight(), weight_of_nice(kMaxNice) + weight_of_nice(5));
}

TEST_F(RunQueueTest, an_overrun_shortens_the_next_slice) {
    predict(a_, ms(20));
    wake(a_);
    wake(b_);
    ASSERT_EQ(pick(), &b_);
    queue_.block();
    ASSERT_EQ(pick(), &a_);
    run(ms(5));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(a_.slice_left_ns, static_cast<std::int32_t>(ms(3)));
}

TEST_F(RunQueueTest, a_group_shares_its_weight_among_its_members) {
    SchedGroup group(2048);
    predict(a_, ms(20));
    predict(b_, ms(20));
    queue_.set_group(a_, &group);
    queue_.set_group(b_, &group);
    wake(a_);
    EXPECT_EQ(a_.slice_ns, ms(8)) << "alone it has the whole weight of the group";
    wake(b_);
    EXPECT_EQ(b_.slice_ns, ms(4));
    EXPECT_EQ(group.runnable_weight(3), 2048U);
    queue_.dequeue(b_);
    EXPECT_EQ(group.runnable_weight(3), 1024U);
    queue_.set_group(a_, nullptr);
    EXPECT_EQ(group.runnable_weight(3), 0U);
}

TEST_F(RunQueueTest, preempted_keeps_its_place_expired_goes_behind) {
    predict(a_, ms(20));
    predict(b_, ms(20));
    wake(a_);
    wake(b_);
    ASSERT_EQ(pick(), &a_);
    run(ms(1));
    queue_.put_prev(Put::Preempted, now_);
    ASSERT_EQ(pick(), &a_);
    EXPECT_EQ(a_.slice_left_ns, static_cast<std::int32_t>(ms(3)));
    run(ms(3));
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(pick(), &b_);
    queue_.put_prev(Put::Yielded, now_);
    EXPECT_EQ(pick(), &a_);
}

TEST_F(RunQueueTest, who_preempts_whom_among_fair_threads) {
    predict(a_, ms(20));
    wake(a_);
    ASSERT_EQ(pick(), &a_);
    wake(b_);
    EXPECT_TRUE(queue_.should_preempt(b_, now_)) << "Hot over Cold";
    predict(c_, ms(20));
    wake(c_);
    EXPECT_FALSE(queue_.should_preempt(c_, now_)) << "Cold not over Cold";
    queue_.dequeue(b_);
    set(b_, Policy::Batch);
    wake(b_);
    EXPECT_FALSE(queue_.should_preempt(b_, now_)) << "SCHED_BATCH never";
}

TEST_F(RunQueueTest, idle_class_yields_to_everyone) {
    set(a_, Policy::Idle);
    wake(a_);
    EXPECT_EQ(a_.level, Level::Idle);
    EXPECT_EQ(a_.weight, kIdleWeight);
    ASSERT_EQ(pick(), &a_);
    set(b_, Policy::Batch);
    wake(b_);
    EXPECT_TRUE(queue_.should_preempt(b_, now_));
}

TEST_F(RunQueueTest, a_rescued_thread_is_not_preempted_by_its_betters_but_its_turn_is_short) {
    predict(a_, ms(20));
    queue_.set_nice(a_, -5);
    wake(a_);
    const auto whole = static_cast<std::int64_t>(a_.slice_ns);
    EXPECT_GT(whole, static_cast<std::int64_t>(ms(12)));
    now_ += ms(200);
    wake(b_);
    ASSERT_EQ(pick(), &b_);
    wake(c_);
    queue_.put_prev(Put::Expired, now_);
    ASSERT_EQ(pick(), &a_);
    EXPECT_TRUE(queue_.rescuing());
    EXPECT_FALSE(queue_.should_preempt(c_, now_));
    EXPECT_EQ(queue_.next_check_ns(now_), ms(4));
    run(ms(4));
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(a_.slice_left_ns, whole - static_cast<std::int64_t>(ms(4))) << "the rest stays";
    EXPECT_NE(pick(), &a_);
}

TEST_F(RunQueueTest, hand_over_runs_next_on_the_rest_of_the_wakers_turn) {
    wake(a_);
    wake(b_);
    ASSERT_EQ(pick(), &a_);
    run(400 * kMicrosecond);
    queue_.hand_over(c_, now_);
    EXPECT_EQ(c_.state, EntityState::Next);
    EXPECT_EQ(queue_.waiting(), 2U);
    queue_.block();
    ASSERT_EQ(pick(), &c_) << "before b, who waits longer";
    EXPECT_EQ(queue_.next_check_ns(now_), 600 * kMicrosecond);
    run(600 * kMicrosecond);
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(pick(), &b_);
}

TEST_F(RunQueueTest, a_pair_that_hands_over_to_each_other_does_not_starve_a_third) {
    wake(a_);
    wake(c_);
    ASSERT_EQ(pick(), &a_);
    SchedEntity* current = &a_;
    SchedEntity* other = &b_;
    std::uint64_t ran = 0;
    while (current != &c_) {
        run(10 * kMicrosecond);
        ran += 10 * kMicrosecond;
        queue_.hand_over(*other, now_);
        queue_.block();
        std::swap(current, other);
        current = pick();
        ASSERT_LE(ran, ms(1)) << "one slice for the pair together";
    }
}

TEST_F(RunQueueTest, a_waker_that_is_preempted_instead_of_blocking_ends_the_hand_over) {
    wake(a_);
    ASSERT_EQ(pick(), &a_);
    queue_.hand_over(b_, now_);
    ASSERT_TRUE(queue_.set_policy(c_, Policy::Fifo, 1, {}, now_).has_value());
    wake(c_);
    queue_.put_prev(Put::Preempted, now_);
    EXPECT_EQ(b_.state, EntityState::Queued);
    ASSERT_EQ(pick(), &c_);
    queue_.block();
    EXPECT_EQ(pick(), &a_);
}

TEST_F(RunQueueTest, a_second_hand_over_displaces_the_first_into_the_queue) {
    wake(a_);
    ASSERT_EQ(pick(), &a_);
    queue_.hand_over(b_, now_);
    queue_.hand_over(c_, now_);
    EXPECT_EQ(b_.state, EntityState::Queued);
    queue_.block();
    EXPECT_EQ(pick(), &c_);
    queue_.block();
    EXPECT_EQ(pick(), &b_);
}

TEST_F(RunQueueTest, a_thread_in_the_slot_can_be_taken_out) {
    wake(a_);
    ASSERT_EQ(pick(), &a_);
    queue_.hand_over(b_, now_);
    queue_.dequeue(b_);
    EXPECT_EQ(queue_.waiting(), 0U);
    queue_.hand_over(b_, now_);
    EXPECT_EQ(queue_.steal(0), &b_);
    queue_.block();
    EXPECT_EQ(pick(), nullptr);
}

TEST_F(RunQueueTest, relieves_of_who_ran_here_and_of_nobody_who_just_came) {
    a_.last_cpu = 1;
    wake(a_);
    wake(b_);
    EXPECT_EQ(queue_.relieve(0), nullptr) << "neither has run here";
    ASSERT_EQ(pick(), &a_);
    run(ms(2));
    queue_.put_prev(Put::Expired, now_);
    EXPECT_EQ(queue_.relieve(0), &a_);
    EXPECT_EQ(a_.state, EntityState::Blocked);
    EXPECT_EQ(queue_.relieve(0), nullptr);
    ASSERT_EQ(pick(), &b_);
    EXPECT_EQ(queue_.relieve(0), nullptr) << "it runs";
    queue_.put_prev(Put::Preempted, now_);
    b_.affinity = 1 << 3;
    EXPECT_EQ(queue_.relieve(0), nullptr) << "it must stay";
}

TEST_F(RunQueueTest, steals_the_most_urgent_that_is_allowed) {
    predict(a_, ms(20));
    wake(a_);
    wake(b_);
    set(c_, Policy::Fifo, 1);
    ASSERT_TRUE(queue_.set_affinity(c_, 0b1000).has_value());
    wake(c_);
    EXPECT_EQ(queue_.steal(0), &b_) << "c may only run here";
    EXPECT_EQ(b_.state, EntityState::Blocked);
    EXPECT_EQ(queue_.steal(0), &a_);
    EXPECT_EQ(queue_.steal(0), nullptr);
    EXPECT_EQ(queue_.steal(3), &c_);
    EXPECT_EQ(queue_.fair_weight(), 0U);
}

TEST_F(RunQueueTest, migration_keeps_burst_and_slice) {
    predict(a_, ms(20));
    wake(a_);
    ASSERT_EQ(pick(), &a_);
    run(ms(1));
    queue_.put_prev(Put::Preempted, now_);
    ASSERT_EQ(queue_.steal(0), &a_);
    RunQueue other(0);
    other.enqueue(a_, Enqueue::Migrated, now_);
    EXPECT_EQ(a_.burst_ns, ms(1));
    EXPECT_EQ(a_.slice_left_ns, static_cast<std::int32_t>(ms(3)));
}

TEST_F(RunQueueTest, changes_of_policy_in_every_state) {
    EXPECT_EQ(queue_.set_policy(a_, Policy::Fifo, 0, {}, now_).error(), Errno::INVAL);
    EXPECT_EQ(queue_.set_policy(a_, Policy::Fifo, 100, {}, now_).error(), Errno::INVAL);
    EXPECT_EQ(queue_.set_policy(a_, Policy::Normal, 1, {}, now_).error(), Errno::INVAL);
    EXPECT_EQ(queue_.set_affinity(a_, 0).error(), Errno::INVAL);
    wake(a_);
    wake(b_);
    set(b_, Policy::Fifo, 10);  // queued
    EXPECT_EQ(queue_.fair_weight(), kNiceZeroWeight);
    ASSERT_EQ(pick(), &b_);
    set(b_, Policy::Normal);  // running
    EXPECT_EQ(queue_.fair_weight(), 2 * kNiceZeroWeight);
    EXPECT_TRUE(queue_.slice_expired(now_));
    queue_.put_prev(Put::Expired, now_);
    ASSERT_EQ(pick(), &a_);
    set(a_, Policy::RoundRobin, 5);
    EXPECT_FALSE(queue_.should_preempt(b_, now_));
    queue_.block();
    set(a_, Policy::Normal);  // blocked
    ASSERT_EQ(pick(), &b_);
}

TEST_F(RunQueueTest, learns_what_the_program_does) {
    BurstProfile profile;
    a_.profile = &profile;
    wake(a_);
    ASSERT_EQ(pick(), &a_);
    run(ms(30));
    queue_.block();
    b_.profile = &profile;  // the next thread of the same program
    wake(b_);
    EXPECT_EQ(b_.level, Level::Cold);
}

class RunQueueDeathTest : public RunQueueTest {};

TEST_F(RunQueueDeathTest, misuse_ends) {
    EXPECT_DEATH(queue_.block(), "no thread to block");
    EXPECT_DEATH(queue_.account(1, now_), "CPU time charged to no thread");
    EXPECT_DEATH(queue_.dequeue(a_), "does not wait");
    wake(a_);
    EXPECT_DEATH(wake(a_), "already on a run queue");
    EXPECT_DEATH(RunQueue{64}, "no mask can name");
}

}  // namespace
}  // namespace exo::sched
