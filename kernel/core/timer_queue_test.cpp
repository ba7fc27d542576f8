#include "kernel/core/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "kernel/arch/clock.h"
#include "kernel/core/wait_queue.h"
#include "kernel/host/cpu.h"

namespace exo {

namespace {

/// A timer that writes down when it fired.
struct Noted : Timer {
    Noted() : Timer(&fire) {}
    static void fire(Timer& timer) {
        auto& self = static_cast<Noted&>(timer);
        self.fired.push_back(arch::now_ns());
    }
    std::vector<std::uint64_t> fired;
    std::uint64_t at = 0;  // what the test knows: 0 is not armed
};

class TimerQueueTest : public testing::Test {
  protected:
    static TimerQueue& timers_here() { return *this_cpu().timers; }
    host::Cpu cpu_;
};

TEST_F(TimerQueueTest, fires_at_its_time_and_once) {
    Noted timer;
    const std::uint64_t now = arch::now_ns();
    timer.arm(Deadline::in(1000));
    host::Clock::advance(999);
    EXPECT_TRUE(timer.fired.empty());
    host::Clock::advance(1);
    EXPECT_EQ(timer.fired, std::vector{now + 1000});
    host::Clock::advance(10'000);
    EXPECT_EQ(timer.fired.size(), 1u);
    EXPECT_FALSE(timer.cancel());
}

TEST_F(TimerQueueTest, takes_the_last_setting) {
    Noted timer;
    timer.arm(Deadline::in(1000));
    timer.arm(Deadline::in(500));
    timer.arm(Deadline::in(2000));
    host::Clock::advance(1999);
    EXPECT_TRUE(timer.fired.empty());
    timer.arm(Deadline::never());
    host::Clock::advance(1000);
    EXPECT_TRUE(timer.fired.empty());
    EXPECT_FALSE(timer.cancel());
}

TEST_F(TimerQueueTest, what_is_due_already_fires_at_once) {
    Noted timer;
    host::Clock::advance(5000);
    timer.arm(Deadline::at(1));
    host::Clock::advance(1);
    EXPECT_EQ(timer.fired.size(), 1u);
}

TEST_F(TimerQueueTest, the_end_of_a_slice_shares_the_hardware) {
    Noted timer;
    const std::uint64_t now = arch::now_ns();
    timer.arm(Deadline::at(now + 3000));
    timers_here().set_slice_end(now + 1000);
    timers_here().set_slice_end(now + 5000);
    timers_here().set_slice_end(now + 2000);
    host::Clock::advance(4000);
    EXPECT_EQ(timer.fired, std::vector{now + 3000});
    timers_here().set_slice_end(Deadline::kNever);
}

// Arming, moving, cancelling and firing in any order, beside a list that is searched.
TEST_F(TimerQueueTest, keeps_order_under_any_use) {
    std::mt19937 random(1);
    std::array<Noted, 40> timers;
    for (int step = 0; step < 20000; ++step) {
        Noted& timer = timers[random() % timers.size()];
        const unsigned what = random() % 8;
        if (what < 5) {
            timer.at = arch::now_ns() + 1 + random() % 1000;
            timer.arm(Deadline::at(timer.at));
        } else if (what < 7) {
            EXPECT_EQ(timer.cancel(), timer.at != 0);
            timer.at = 0;
        } else {
            host::Clock::advance(random() % 200);
        }
        for (Noted& each : timers) {
            const bool due = each.at != 0 && each.at <= arch::now_ns();
            ASSERT_EQ(each.fired.size(), due ? 1u : 0u) << step;
            if (!due) continue;
            ASSERT_EQ(each.fired[0], each.at);
            each.fired.clear();
            each.at = 0;
        }
    }
    for (Noted& each : timers) each.cancel();
}

TEST_F(TimerQueueTest, a_wait_ends_at_its_deadline) {
    WaitQueue queue;
    const std::uint64_t begin = arch::now_ns();
    const auto waited = queue.wait([] { return false; }, Deadline::in(7000));
    EXPECT_EQ(waited.error(), Errno::TIMEDOUT);
    EXPECT_EQ(arch::now_ns(), begin + 7000);
    EXPECT_TRUE(queue.wait([] { return true; }, Deadline::in(7000)).has_value());
    EXPECT_EQ(arch::now_ns(), begin + 7000);
}

}  // namespace

}  // namespace exo
