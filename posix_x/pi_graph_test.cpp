// Priority inheritance as a graph: who is lent what, in which order locks go on, and deadlocks.
#include "posix_x/pi_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace exo::posix {
namespace {

sched::Urgency fifo(unsigned priority) {
    return sched::Urgency(
        {sched::Policy::Fifo, static_cast<std::uint8_t>(priority), std::int8_t{0}});
}
sched::Urgency nice(int value) {
    return sched::Urgency({sched::Policy::Normal, 0, static_cast<std::int8_t>(value)});
}

struct TestThread final : PiThread {
    explicit TestThread(sched::Urgency urgency) : own(urgency) {}
    sched::Urgency lend(sched::Urgency urgency) override {
        lent = urgency;
        return now();
    }
    [[nodiscard]] sched::Urgency now() const { return std::max(own, lent); }

    sched::Urgency own, lent;
};

TEST(PiGraph, AnOwnerIsLentTheBestOfItsWaiters) {
    TestThread owner(nice(5)), fair(nice(0)), low(fifo(10)), high(fifo(20));
    PiLock lock;
    lock.set_owner(owner);
    EXPECT_EQ(owner.now(), nice(5));
    PiWaiter a(fair), b(low), c(high);
    ASSERT_TRUE(lock.add(a));
    EXPECT_EQ(owner.now(), nice(0));
    ASSERT_TRUE(lock.add(c));
    EXPECT_EQ(owner.now(), fifo(20));
    ASSERT_TRUE(lock.add(b));
    EXPECT_EQ(owner.now(), fifo(20));
    lock.remove(c);
    EXPECT_EQ(c.lock(), nullptr);
    EXPECT_EQ(owner.now(), fifo(10));
    lock.remove(b);
    lock.remove(a);
    EXPECT_EQ(owner.now(), nice(5));
    EXPECT_EQ(lock.first(), nullptr);
    EXPECT_EQ(lock.hand_over(), nullptr);
}

TEST(PiGraph, ALockGoesToTheMostUrgentAndAmongEqualsToTheFirst) {
    TestThread owner(nice(0)), first(fifo(10)), second(fifo(10)), urgent(fifo(11));
    PiLock lock;
    lock.set_owner(owner);
    PiWaiter a(first), b(second), c(urgent);
    for (PiWaiter* each : {&a, &b, &c}) ASSERT_TRUE(lock.add(*each));
    EXPECT_EQ(lock.hand_over(), &c);
    EXPECT_EQ(owner.now(), nice(0)) << "what was lent goes with the lock";
    EXPECT_EQ(lock.owner(), &urgent);
    EXPECT_EQ(lock.hand_over(), &a);
    EXPECT_EQ(lock.hand_over(), &b);
    EXPECT_EQ(lock.owner(), &second);
    EXPECT_EQ(lock.hand_over(), nullptr);
    EXPECT_EQ(lock.owner(), nullptr);
}

TEST(PiGraph, WhatIsLentFollowsTheChain) {
    TestThread low(nice(0)), middle(fifo(5)), high(fifo(30));
    PiLock inner, outer;
    inner.set_owner(low);
    outer.set_owner(middle);
    PiWaiter a(middle), b(high);
    ASSERT_TRUE(inner.add(a));
    EXPECT_EQ(low.now(), fifo(5));
    ASSERT_TRUE(outer.add(b));
    EXPECT_EQ(middle.now(), fifo(30));
    EXPECT_EQ(low.now(), fifo(30));
    outer.remove(b);
    EXPECT_EQ(middle.now(), fifo(5));
    EXPECT_EQ(low.now(), fifo(5));
    EXPECT_EQ(inner.hand_over(), &a);
    EXPECT_EQ(low.now(), nice(0));
    EXPECT_EQ(inner.hand_over(), nullptr);
    EXPECT_EQ(outer.hand_over(), nullptr);
}

TEST(PiGraph, OneUnlockedOfTwoLocksLeavesTheOthersWaiters) {
    TestThread owner(nice(0)), ten(fifo(10)), twenty(fifo(20));
    PiLock first, second;
    first.set_owner(owner);
    second.set_owner(owner);
    PiWaiter a(ten), b(twenty);
    ASSERT_TRUE(first.add(a));
    ASSERT_TRUE(second.add(b));
    EXPECT_EQ(owner.now(), fifo(20));
    EXPECT_EQ(second.hand_over(), &b);
    EXPECT_EQ(owner.now(), fifo(10));
    EXPECT_EQ(first.hand_over(), &a);
    EXPECT_EQ(owner.now(), nice(0));
    EXPECT_EQ(owner.first_owned(), nullptr);
    EXPECT_EQ(first.hand_over(), nullptr);
    EXPECT_EQ(second.hand_over(), nullptr);
}

TEST(PiGraph, AWaiterThatBecomesMoreUrgentMovesUp) {
    TestThread owner(nice(0)), one(fifo(10)), two(fifo(10));
    PiLock lock;
    lock.set_owner(owner);
    PiWaiter a(one), b(two);
    ASSERT_TRUE(lock.add(a));
    ASSERT_TRUE(lock.add(b));
    two.own = fifo(40);
    two.reorder();
    EXPECT_EQ(owner.now(), fifo(40));
    EXPECT_EQ(lock.first(), &b);
    two.own = nice(0);
    two.reorder();
    EXPECT_EQ(owner.now(), fifo(10));
    EXPECT_EQ(lock.first(), &a);
    lock.remove(a);
    lock.remove(b);
    EXPECT_EQ(lock.hand_over(), nullptr);
}

TEST(PiGraph, ACircleIsADeadlock) {
    TestThread a(nice(0)), b(nice(0)), c(nice(0));
    PiLock of_a, of_b, of_c;
    of_a.set_owner(a);
    of_b.set_owner(b);
    of_c.set_owner(c);
    PiWaiter a_for_b(a), b_for_c(b), c_for_a(c), a_for_a(a);
    EXPECT_EQ(of_a.add(a_for_a).error(), Errno::DEADLK);
    ASSERT_TRUE(of_b.add(a_for_b));
    ASSERT_TRUE(of_c.add(b_for_c));
    EXPECT_EQ(of_a.add(c_for_a).error(), Errno::DEADLK);
    EXPECT_EQ(c_for_a.lock(), nullptr);
    EXPECT_EQ(of_a.first(), nullptr);
    of_b.remove(a_for_b);
    EXPECT_TRUE(of_a.add(c_for_a)) << "no circle any more";
    of_a.remove(c_for_a);
    of_c.remove(b_for_c);
    for (PiLock* each : {&of_a, &of_b, &of_c}) EXPECT_EQ(each->hand_over(), nullptr);
}

TEST(PiGraph, AChainHasALongestLength) {
    constexpr unsigned kThreads = PiLock::kMaxChain + 2;
    std::vector<std::unique_ptr<TestThread>> threads;
    std::vector<std::unique_ptr<PiLock>> locks;
    std::vector<std::unique_ptr<PiWaiter>> waiters;
    for (unsigned i = 0; i < kThreads; ++i) {
        threads.push_back(std::make_unique<TestThread>(nice(0)));
        locks.push_back(std::make_unique<PiLock>());
        waiters.push_back(std::make_unique<PiWaiter>(*threads[i]));
        locks[i]->set_owner(*threads[i]);
    }
    unsigned joined = 0;
    // Thread i waits for the lock of thread i - 1.
    while (joined + 1 < kThreads && locks[joined]->add(*waiters[joined + 1])) ++joined;
    EXPECT_EQ(joined, PiLock::kMaxChain);
    threads[joined]->own = fifo(50);
    threads[joined]->reorder();
    EXPECT_EQ(threads[0]->now(), fifo(50)) << "along all of it";
    for (unsigned i = joined; i > 0; --i) locks[i - 1]->remove(*waiters[i]);
    EXPECT_EQ(threads[0]->now(), nice(0));
    for (auto& each : locks) EXPECT_EQ(each->hand_over(), nullptr);
}

}  // namespace
}  // namespace exo::posix
