// Threads, waits, mutexes and timers as they are used together.
#include "kernel/core/scheduler.h"

#include <algorithm>
#include <bit>
#include <new>

#include "kernel/core/ktest.h"
#include "kernel/core/mutex.h"
#include "kernel/core/timer.h"
#include "kernel/core/wait_queue.h"

namespace exo {

namespace {

/// Threads of a test that report their end here.
struct Group {
    WaitQueue changed;
    Atomic<int> turn{0};
    Atomic<int> ended{0};

    void end() {
        ended.fetch_add(1, std::memory_order_seq_cst);
        changed.wake_all();
    }
    bool wait_for(int count) {
        return changed
            .wait([&] { return ended.load(std::memory_order_seq_cst) == count; },
                  Deadline::in(60'000'000'000))
            .has_value();
    }
    // wake_all() of the last to end may still be in the queue's lock.
    ~Group() { static_cast<void>(sleep_until(Deadline::in(2'000'000))); }
};

bool start(void (*entry)(void*), void* argument) {
    const auto thread = Thread::create_kernel("ktest", entry, argument);
    if (thread) start_thread(**thread);
    return thread.has_value();
}

}  // namespace

KERNEL_TEST(wait_queue_passes_turns) {
    struct Player {
        Group& group;
        int number;
        static void run(void* argument) {
            auto& self = *static_cast<Player*>(argument);
            for (int i = 0; i < 300; ++i) {
                const auto turn =
                    self.group.changed.wait([&] { return self.group.turn.load() == self.number; });
                KTEST_EXPECT(turn.has_value());
                self.group.turn.store(1 - self.number);
                self.group.changed.wake_all();
            }
            self.group.end();
        }
    };
    Group group;
    Player players[2] = {{group, 0}, {group, 1}};
    for (Player& player : players) KTEST_REQUIRE(start(&Player::run, &player));
    KTEST_EXPECT(group.wait_for(2));
}

KERNEL_TEST(mutex_excludes) {
    struct Shared {
        Group group;
        Mutex<LockRank::kTest> mutex;
        std::uint64_t count = 0;
        static void run(void* argument) {
            auto& shared = *static_cast<Shared*>(argument);
            for (int i = 0; i < 5000; ++i) {
                shared.mutex.acquire();
                const std::uint64_t seen = shared.count;
                if (i % 64 == 0) yield();
                shared.count = seen + 1;
                shared.mutex.release();
            }
            shared.group.end();
        }
    };
    Shared shared;
    for (int i = 0; i < 4; ++i) KTEST_REQUIRE(start(&Shared::run, &shared));
    KTEST_EXPECT(shared.group.wait_for(4));
    KTEST_EXPECT_EQ(shared.count, 20000u);
}

KERNEL_TEST(many_threads_come_and_go) {
    Group group;
    constexpr int kThreads = 2000;
    for (int i = 0; i < kThreads; ++i) {
        KTEST_REQUIRE(start([](void* g) { static_cast<Group*>(g)->end(); }, &group));
        if (i % 100 == 0) static_cast<void>(sleep_until(Deadline::in(1'000'000)));
    }
    KTEST_EXPECT(group.wait_for(kThreads));
}

KERNEL_TEST(sleep_takes_its_time) {
    const std::uint64_t begin = arch::now_ns();
    KTEST_EXPECT(sleep_until(Deadline::in(5'000'000)).has_value());
    KTEST_EXPECT(arch::now_ns() - begin >= 5'000'000);
}

KERNEL_TEST(wait_times_out) {
    WaitQueue queue;
    const auto result = queue.wait([] { return false; }, Deadline::in(1'000'000));
    KTEST_EXPECT(!result && result.error() == Errno::TIMEDOUT);
}

KERNEL_TEST(interrupt_ends_an_interruptible_sleep_only) {
    struct Sleeper {
        Group group;
        WaitQueue queue;
        Atomic<bool> enough{false};
        Errno interrupted{};
        static void run(void* argument) {
            auto& self = *static_cast<Sleeper*>(argument);
            const auto result = self.queue.wait([] { return false; });
            if (!result) self.interrupted = result.error();
            KTEST_EXPECT(
                self.queue
                    .wait([&] { return self.enough.load(); }, Deadline::never(), Interruptible::kNo)
                    .has_value());
            self.group.end();
        }
    };
    Sleeper sleeper;
    const auto thread = Thread::create_kernel("ktest", &Sleeper::run, &sleeper);
    KTEST_REQUIRE(thread.has_value());
    start_thread(**thread);
    static_cast<void>(sleep_until(Deadline::in(2'000'000)));
    interrupt(**thread);
    static_cast<void>(sleep_until(Deadline::in(2'000'000)));
    KTEST_EXPECT_EQ(sleeper.group.ended.load(), 0);
    sleeper.enough.store(true);
    sleeper.queue.wake_all();
    KTEST_EXPECT(sleeper.group.wait_for(1));
    KTEST_EXPECT_EQ(sleeper.interrupted, Errno::RESTARTSYS);
}

KERNEL_TEST(timers_fire_in_order) {
    struct Ordered : Timer {
        Ordered() : Timer(&fire) {}
        static void fire(Timer& timer) {
            auto& self = static_cast<Ordered&>(timer);
            self.place = (*self.next)++;
        }
        int place = -1;
        int* next = nullptr;
    };
    constexpr int kTimers = 32;
    int next = 0;
    Ordered timers[kTimers];
    const std::uint64_t begin = arch::now_ns() + 3'000'000;
    for (int i = 0; i < kTimers; ++i) {
        const int at = i * 7 % kTimers;
        timers[at].next = &next;
        timers[at].arm(Deadline::at(begin + static_cast<std::uint64_t>(at) * 10'000));
    }
    KTEST_EXPECT(timers[5].cancel());
    static_cast<void>(sleep_until(Deadline::at(begin + 2'000'000)));
    for (int i = 0; i < kTimers; ++i) {
        KTEST_EXPECT(!timers[i].cancel());
        KTEST_EXPECT_EQ(timers[i].place, i == 5 ? -1 : i - (i > 5 ? 1 : 0));
    }
}

KERNEL_TEST(processor_time_goes_on_between_ticks) {
    struct Spinner {
        Group group;
        Atomic<bool> stop{false};
        static void run(void* argument) {
            auto& self = *static_cast<Spinner*>(argument);
            while (!self.stop.load()) {
                if (should_yield()) yield();
            }
            self.group.end();
        }
    } spinner;
    const std::uint64_t own = cpu_time_ns(this_thread());
    const std::uint64_t until = arch::now_ns() + 3'000'000;
    while (arch::now_ns() < until) {
    }
    KTEST_EXPECT(cpu_time_ns(this_thread()) - own >= 3'000'000);
    // Of another thread, which runs here or on another CPU meanwhile.
    const auto thread = Thread::create_kernel("spinner", Spinner::run, &spinner);
    KTEST_REQUIRE(thread.has_value());
    KTEST_EXPECT_EQ(cpu_time_ns(**thread), std::uint64_t{0});
    start_thread(**thread);
    std::uint64_t before = 0;
    for (int i = 0; i < 20; ++i) {
        const std::uint64_t now = cpu_time_ns(**thread);
        KTEST_EXPECT(now >= before);
        before = now;
        yield();
    }
    static_cast<void>(sleep_until(Deadline::in(2'000'000)));
    KTEST_EXPECT(cpu_time_ns(**thread) > before);
    spinner.stop.store(true);
    KTEST_EXPECT(spinner.group.wait_for(1));
    const std::uint64_t slept = cpu_time_ns(this_thread());
    static_cast<void>(sleep_until(Deadline::in(20'000'000)));
    KTEST_EXPECT(cpu_time_ns(this_thread()) - slept < 20'000'000);
}

KERNEL_TEST(threads_that_wait_on_one_cpu_spread_to_those_that_idle) {
    struct Spinners {
        Group group;
        Atomic<bool> stop{false};
        static void run(void* argument) {
            auto& self = *static_cast<Spinners*>(argument);
            while (!self.stop.load()) {
                if (should_yield()) yield();
            }
            self.group.end();
        }
    } spinners;
    constexpr std::uint32_t kMost = 4;
    const std::uint32_t count = std::min(online_cpus(), kMost);
    RefPtr<Thread> threads[kMost];
    for (std::uint32_t i = 0; i < count; ++i) {
        auto thread = Thread::create_kernel("spinner", Spinners::run, &spinners);
        KTEST_REQUIRE(thread.has_value());
        threads[i] = *thread;
        KTEST_EXPECT(set_affinity(**thread, 1).has_value());
        start_thread(**thread);
    }
    for (std::uint32_t i = 0; i < count; ++i)
        KTEST_EXPECT(set_affinity(*threads[i], ~std::uint64_t{0}).has_value());
    const std::uint64_t limit = arch::now_ns() + 10'000'000'000;
    std::uint64_t seen = 0;
    while (std::popcount(seen) < static_cast<int>(count) && arch::now_ns() < limit) {
        static_cast<void>(sleep_until(Deadline::in(5'000'000)));
        seen = 0;
        for (std::uint32_t i = 0; i < count; ++i)
            seen |= std::uint64_t{1} << threads[i]->last_cpu();
    }
    KTEST_EXPECT_EQ(std::popcount(seen), static_cast<int>(count));
    spinners.stop.store(true);
    KTEST_EXPECT(spinners.group.wait_for(static_cast<int>(count)));
}

KERNEL_TEST(timer_takes_the_last_setting) {
    struct Counting : Timer {
        Counting() : Timer(&fire) {}
        static void fire(Timer& timer) { static_cast<Counting&>(timer).fired.fetch_add(1); }
        Atomic<int> fired{0};
    };
    constexpr std::uint64_t kFar = 1'000'000'000'000;  // more than a hardware timer may count
    constexpr std::uint64_t kMs = 1'000'000;
    Counting far, near;
    far.arm(Deadline::in(kFar));
    near.arm(Deadline::in(200 * kMs));
    near.arm(Deadline::in(kFar));
    static_cast<void>(sleep_until(Deadline::in(250 * kMs)));
    KTEST_EXPECT_EQ(near.fired.load(), 0);
    near.arm(Deadline::in(2 * kMs));
    const std::uint64_t limit = arch::now_ns() + 10'000 * kMs;
    while (near.fired.load() == 0 && arch::now_ns() < limit)
        static_cast<void>(sleep_until(Deadline::in(kMs)));
    KTEST_EXPECT_EQ(near.fired.load(), 1);
    KTEST_EXPECT(!near.cancel());
    KTEST_EXPECT(far.cancel());
    KTEST_EXPECT_EQ(far.fired.load(), 0);
}

KERNEL_TEST(timer_handler_sets_another_timer) {
    // Two timers that set each other, as one may not set itself.
    struct Player : Timer {
        Player() : Timer(&fire) {}
        static void fire(Timer& timer) {
            auto& self = static_cast<Player&>(timer);
            if (self.turns->fetch_add(1) < 9) self.other->arm(Deadline::in(100'000));
        }
        Player* other = nullptr;
        Atomic<int>* turns = nullptr;
    };
    Atomic<int> turns{0};
    Player players[2];
    for (int i = 0; i < 2; ++i) {
        players[i].other = &players[1 - i];
        players[i].turns = &turns;
    }
    players[0].arm(Deadline::in(100'000));
    const std::uint64_t limit = arch::now_ns() + 10'000'000'000;
    while (turns.load() < 10 && arch::now_ns() < limit)
        static_cast<void>(sleep_until(Deadline::in(1'000'000)));
    KTEST_EXPECT_EQ(turns.load(), 10);
    for (Player& player : players) KTEST_EXPECT(!player.cancel());
}

KERNEL_TEST(timer_cancel_waits_for_the_handler) {
    struct Slow : Timer {
        Slow() : Timer(&fire) {}
        static void fire(Timer& timer) {
            auto& self = static_cast<Slow&>(timer);
            self.begun.store(true);
            const std::uint64_t end = arch::now_ns() + 2'000'000;
            while (arch::now_ns() < end) cpu_relax();
            self.done.store(true);
        }
        Atomic<bool> begun{false}, done{false};
    };
    struct Canceller {
        Group group;
        Slow timer;
        static void run(void* argument) {
            auto& self = *static_cast<Canceller*>(argument);
            const std::uint64_t limit = arch::now_ns() + 10'000'000'000;
            while (!self.timer.begun.load() && arch::now_ns() < limit) yield();
            KTEST_EXPECT(!self.timer.cancel());
            KTEST_EXPECT(self.timer.done.load());
            self.group.end();
        }
    };
    Canceller canceller;
    canceller.timer.arm(Deadline::in(5'000'000));
    KTEST_REQUIRE(start(&Canceller::run, &canceller));
    KTEST_EXPECT(canceller.group.wait_for(1));
}

KERNEL_TEST(what_is_lent_counts_until_it_is_taken_back) {
    struct Runner {
        Group& group;
        Atomic<int>& next;
        int place = -1;
        static void run(void* argument) {
            auto& self = *static_cast<Runner*>(argument);
            self.place = self.next.fetch_add(1, std::memory_order_relaxed);
            self.group.end();
        }
    };
    constexpr std::uint64_t kOneCpu = 1;
    Thread& self = this_thread();
    const sched::Standing before = standing_of(self);
    const std::uint64_t cpus = affinity_of(self);
    KTEST_EXPECT(set_affinity(self, kOneCpu).has_value());
    yield();
    set_policy(self, sched::Policy::Fifo, 50, OnFork::kKeep);
    const sched::Urgency twenty({sched::Policy::Fifo, 20, 0});
    for (const bool lends : {true, false}) {
        Group group;
        Atomic<int> next{0};
        Runner first{group, next}, second{group, next};
        const auto fair = Thread::create_kernel("fair", &Runner::run, &first);
        const auto fifo = Thread::create_kernel("fifo", &Runner::run, &second);
        KTEST_EXPECT(fair.has_value() && fifo.has_value());
        for (const auto& each : {fair, fifo})
            KTEST_EXPECT(set_affinity(**each, kOneCpu).has_value());
        set_policy(**fifo, sched::Policy::Fifo, 10, OnFork::kKeep);
        start_thread(**fair);
        start_thread(**fifo);
        KTEST_EXPECT(lend(**fair, twenty) == twenty);
        KTEST_EXPECT(raised_standing_of(**fair).policy == sched::Policy::Fifo);
        KTEST_EXPECT(standing_of(**fair).policy == sched::Policy::Normal);
        if (!lends) KTEST_EXPECT(lend(**fair, {}) == sched::Urgency(sched::Standing{}));
        KTEST_EXPECT(group.wait_for(2));
        KTEST_EXPECT(first.place == (lends ? 0 : 1));
        KTEST_EXPECT(second.place == (lends ? 1 : 0));
    }
    set_policy(self, before.policy, before.rt_priority, OnFork::kKeep);
    KTEST_EXPECT(set_affinity(self, cpus).has_value());
}

}  // namespace exo
