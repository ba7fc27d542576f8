#include "lib/sched/placement.h"

#include <gtest/gtest.h>

#include <random>

namespace exo::sched {
namespace {

class PlacementTest : public testing::Test {
  protected:
    PlacementTest() {
        load_.online = 0xff;
        for (unsigned cpu = 0; cpu < 8; ++cpu) make_busy(cpu, 1024);
    }
    void make_busy(unsigned cpu, std::uint64_t weight) {
        load_.idle &= ~(std::uint64_t{1} << cpu);
        load_.cpus[cpu].weight = weight;
        load_.cpus[cpu].running = Level::Hot;
    }
    void make_idle(unsigned cpu) { load_.idle |= std::uint64_t{1} << cpu; }
    [[nodiscard]] std::optional<unsigned> select(unsigned waker, Wake wake = Wake::Plain) const {
        return select_cpu(thread_, waker, wake, topology_, load_);
    }

    // Two caches of two cores of two threads: {0,1}{2,3} and {4,5}{6,7}.
    Topology topology_ = Topology::regular(8, 2, 2);
    MachineLoad load_;
    SchedEntity thread_;
};

TEST_F(PlacementTest, topology_of_neighbours) {
    EXPECT_EQ(topology_.core[5], 0b0011'0000U);
    EXPECT_EQ(topology_.cache[2], 0b0000'1111U);
    const Topology whole = Topology::regular(64, 1, 64);
    EXPECT_EQ(whole.cache[63], ~std::uint64_t{0});
    EXPECT_EQ(whole.core[63], std::uint64_t{1} << 63);
}

TEST_F(PlacementTest, last_cpu_if_idle) {
    thread_.last_cpu = 5;
    for (unsigned cpu = 0; cpu < 8; ++cpu) make_idle(cpu);
    EXPECT_EQ(select(0, Wake::Sync), 5U);
}

TEST_F(PlacementTest, an_idle_core_of_the_same_cache_before_an_idle_sibling) {
    thread_.last_cpu = 4;
    make_idle(6);
    make_idle(7);
    EXPECT_EQ(select(0), 6U);
    make_idle(5);
    EXPECT_EQ(select(0), 5U) << "the core it last ran on comes before";
}

TEST_F(PlacementTest, another_caches_idle_cpu_before_waiting) {
    thread_.last_cpu = 4;
    make_idle(3);
    EXPECT_EQ(select(4), 3U);
}

TEST_F(PlacementTest, a_sync_wake_takes_the_wakers_cpu_only_if_nobody_waits_there) {
    thread_.last_cpu = 4;
    make_idle(6);
    EXPECT_EQ(select(1, Wake::Sync), 1U);
    load_.cpus[1].waiting = 1;
    EXPECT_EQ(select(1, Wake::Sync), 6U);
}

TEST_F(PlacementTest, without_an_idle_cpu_where_it_preempts_then_where_it_is_lightest) {
    thread_.last_cpu = 4;
    make_busy(6, 512);
    EXPECT_EQ(select(4), 6U);
    load_.cpus[7].running = Level::Cold;
    load_.cpus[7].weight = 5000;
    EXPECT_EQ(select(4), 7U);
    load_.cpus[7].realtime_runs = true;
    EXPECT_EQ(select(4), 6U);
}

TEST_F(PlacementTest, a_real_time_thread_avoids_cpus_that_run_one) {
    thread_.policy = Policy::Fifo;
    thread_.rt_priority = 1;
    thread_.last_cpu = 0;
    for (unsigned cpu = 0; cpu < 8; ++cpu) load_.cpus[cpu].realtime_runs = cpu != 3;
    EXPECT_EQ(select(0), 3U);
}

TEST_F(PlacementTest, affinity_rules) {
    thread_.last_cpu = 5;
    for (unsigned cpu = 0; cpu < 8; ++cpu) make_idle(cpu);
    thread_.affinity = 0b0000'0100;
    EXPECT_EQ(select(5), 2U);
    load_.idle = 0;
    EXPECT_EQ(select(5), 2U);
    thread_.affinity = 0xff00;
    EXPECT_EQ(select(5), std::nullopt);
}

TEST_F(PlacementTest, always_an_allowed_online_cpu) {
    std::mt19937_64 random(9);
    const auto sparse = [&] {
        const std::uint64_t half = random();
        return half & random();
    };
    const Topology topology = Topology::regular(64, 2, 8);
    for (int i = 0; i < 100'000; ++i) {
        load_.online = random() | 1;
        load_.idle = sparse() & load_.online;
        thread_.affinity = sparse();
        thread_.last_cpu = random() % kMaxCpus;
        const auto waker = static_cast<unsigned>(random() % kMaxCpus);
        const auto cpu = select_cpu(thread_, waker, Wake::Plain, topology, load_);
        const std::uint64_t allowed = thread_.affinity & load_.online;
        ASSERT_EQ(cpu.has_value(), allowed != 0);
        if (!cpu) continue;
        ASSERT_NE(allowed >> *cpu & 1, 0U);
        const bool idle_there = (allowed & load_.idle) != 0;
        ASSERT_EQ((load_.idle >> *cpu & 1) != 0, idle_there);
    }
}

TEST_F(PlacementTest, victim_is_the_fullest_of_the_own_cache_then_of_all) {
    EXPECT_EQ(select_victim(0, topology_, load_), std::nullopt);
    load_.cpus[6].waiting = 9;
    EXPECT_EQ(select_victim(0, topology_, load_), 6U);
    load_.cpus[2].waiting = 1;
    load_.cpus[3].waiting = 2;
    EXPECT_EQ(select_victim(0, topology_, load_), 3U);
    load_.cpus[0].waiting = 50;
    EXPECT_EQ(select_victim(0, topology_, load_), 3U) << "not from itself";
}

TEST_F(PlacementTest, relief_is_an_idle_cpu_of_the_own_cache_then_any) {
    load_.idle = 1 << 2 | 1 << 6;
    EXPECT_EQ(select_relief(0, topology_, load_), std::nullopt) << "nobody waits";
    load_.cpus[0].waiting = 1;
    EXPECT_EQ(select_relief(0, topology_, load_), 2U);
    load_.idle = 1 << 6;
    EXPECT_EQ(select_relief(0, topology_, load_), 6U);
}

TEST_F(PlacementTest, relief_is_the_emptiest_queue_where_that_levels) {
    load_.idle = 0;
    load_.cpus[0].waiting = 1;
    EXPECT_EQ(select_relief(0, topology_, load_), std::nullopt) << "would only swap the imbalance";
    for (unsigned cpu = 0; cpu < 8; ++cpu) load_.cpus[cpu].waiting = 5;
    load_.cpus[6].waiting = 4;
    load_.cpus[3].waiting = 6;
    EXPECT_EQ(select_relief(3, topology_, load_), 6U);
    EXPECT_EQ(select_relief(0, topology_, load_), std::nullopt);
    EXPECT_EQ(select_relief(6, topology_, load_), std::nullopt) << "not to fuller ones";
}

TEST(PlacementDeathTest, impossible_topology_ends) {
    EXPECT_DEATH((void)Topology::regular(65, 1, 1), "impossible topology");
    EXPECT_DEATH((void)Topology::regular(1, 0, 1), "impossible topology");
}

}  // namespace
}  // namespace exo::sched
