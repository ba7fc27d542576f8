// Scheduling policies (sched(7)): sched_setscheduler(2) and its kin, and who runs before whom.
#include <sys/resource.h>
#include <time.h>

#include "tests/abi/real_time.h"

using abi::expect_good_end;
using abi::Gate;
using abi::Order;
using abi::set_scheduler;
using abi::start;
using abi::stat_field;

namespace {

int priority_of(pid_t pid) {
    int priority = -1;
    CHECK_EQ(syscall(SYS_sched_getparam, pid, &priority), 0);
    return priority;
}

long set_raw(pid_t pid, int policy, int priority) {
    return syscall(SYS_sched_setscheduler, pid, policy, &priority);
}

}  // namespace

ABI_TEST(a_policy_is_told_as_it_was_set) {
    const struct {
        int policy, priority;
    } all[] = {
        {SCHED_FIFO, 7}, {SCHED_RR, 99}, {SCHED_BATCH, 0}, {SCHED_IDLE, 0}, {SCHED_OTHER, 0}};
    for (const auto& each : all) {
        set_scheduler(0, each.policy, each.priority);
        CHECK_EQ(abi::scheduler_of(getpid()), each.policy);
        CHECK_EQ(priority_of(0), each.priority);
        CHECK_EQ(stat_field(getpid(), abi::kPolicyField), each.policy);
        CHECK_EQ(stat_field(getpid(), abi::kRealTimeField), each.priority);
        const long shown = each.priority > 0 ? -1 - each.priority : 20;
        CHECK_EQ(stat_field(getpid(), abi::kPriorityField), shown);
    }
}

ABI_TEST(a_nice_value_survives_real_time) {
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    set_scheduler(0, SCHED_FIFO, 3);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 6), 0);
    CHECK_EQ(stat_field(getpid(), abi::kPriorityField), -4);
    set_scheduler(0, SCHED_OTHER, 0);
    CHECK_EQ(stat_field(getpid(), abi::kPriorityField), 26);
}

ABI_TEST(a_priority_fits_its_policy) {
    CHECK_ERRNO(set_raw(0, SCHED_FIFO, 0), EINVAL);
    CHECK_ERRNO(set_raw(0, SCHED_RR, 100), EINVAL);
    CHECK_ERRNO(set_raw(0, SCHED_FIFO, -1), EINVAL);
    CHECK_ERRNO(set_raw(0, SCHED_OTHER, 1), EINVAL);
    CHECK_ERRNO(set_raw(0, SCHED_BATCH, 1), EINVAL);
    CHECK_ERRNO(set_raw(0, 4, 0), EINVAL);
    CHECK_ERRNO(set_raw(0, 6, 0), EINVAL);
    CHECK_ERRNO(set_raw(0, 1000, 0), EINVAL);
    CHECK_ERRNO(set_raw(0, -1, 0), EINVAL);
    CHECK_ERRNO(set_raw(-1, SCHED_FIFO, 1), EINVAL);
    CHECK_ERRNO(set_raw(1 << 22, SCHED_FIFO, 1), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 1 << 22, SCHED_FIFO, 8), EFAULT);
    CHECK_EQ(abi::scheduler_of(0), SCHED_OTHER);
}

ABI_TEST(sched_setparam_keeps_the_policy) {
    set_scheduler(0, SCHED_RR, 4);
    int priority = 9;
    CHECK_EQ(syscall(SYS_sched_setparam, 0, &priority), 0);
    CHECK_EQ(abi::scheduler_of(0), SCHED_RR);
    CHECK_EQ(priority_of(0), 9);
    priority = 0;
    CHECK_ERRNO(syscall(SYS_sched_setparam, 0, &priority), EINVAL);
}

ABI_TEST(children_have_the_policy_unless_it_is_reset) {
    constexpr int kReset = 0x40000000;
    set_scheduler(0, SCHED_FIFO, 12);
    expect_good_end(start([] {
        CHECK_EQ(abi::scheduler_of(0), SCHED_FIFO);
        CHECK_EQ(priority_of(0), 12);
    }));
    CHECK_EQ(set_raw(0, SCHED_FIFO | kReset, 12), 0);
    CHECK_EQ(abi::scheduler_of(0), SCHED_FIFO | kReset);
    expect_good_end(start([] {
        CHECK_EQ(abi::scheduler_of(0), SCHED_OTHER);
        CHECK_EQ(priority_of(0), 0);
    }));
    CHECK_EQ(set_raw(0, SCHED_OTHER | kReset, 0), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, -5), 0);
    expect_good_end(start([] {
        CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
        CHECK_EQ(abi::scheduler_of(0), SCHED_OTHER);
    }));
}

ABI_TEST(real_time_is_for_the_privileged) {
    abi::as_nobody([] {
        CHECK_ERRNO(set_raw(0, SCHED_FIFO, 1), EPERM);
        CHECK_ERRNO(set_raw(getppid(), SCHED_OTHER, 0), EPERM);
        CHECK_EQ(set_raw(0, SCHED_BATCH, 0), 0);
        CHECK_EQ(set_raw(0, SCHED_IDLE, 0), 0);
        CHECK_ERRNO(set_raw(0, SCHED_OTHER, 0), EPERM);
    });
    abi::as_nobody([] {
        CHECK_EQ(set_raw(0, SCHED_OTHER | 0x40000000, 0), 0);
        CHECK_ERRNO(set_raw(0, SCHED_OTHER, 0), EPERM);
    });
}

ABI_TEST(only_round_robin_has_a_slice) {
    timespec slice = {1, 1};
    set_scheduler(0, SCHED_FIFO, 1);
    CHECK_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK(slice.tv_sec == 0 && slice.tv_nsec == 0);
    set_scheduler(0, SCHED_RR, 1);
    CHECK_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK(slice.tv_sec == 0 && slice.tv_nsec >= 1000000);
}

ABI_TEST(the_highest_priority_runs_first) {
    abi::stay_on_one_cpu();
    set_scheduler(0, SCHED_FIFO, 50);
    auto* const order = abi::share<Order>();
    const Gate gates[3];
    const int priorities[] = {10, 30, 20};
    pid_t children[3];
    for (int i = 0; i < 3; ++i) {
        children[i] = start([&] {
            set_scheduler(0, SCHED_FIFO, priorities[i]);
            gates[i].pass();
            order->note(static_cast<char>('a' + i));
        });
        abi::wait_until_asleep(children[i]);
    }
    for (const Gate& each : gates) each.open();
    for (const pid_t each : children) expect_good_end(each);
    CHECK_EQ(strcmp(order->names, "bca"), 0);
}

ABI_TEST(a_changed_priority_counts_at_once) {
    abi::stay_on_one_cpu();
    set_scheduler(0, SCHED_FIFO, 50);
    auto* const order = abi::share<Order>();
    const pid_t low = start([&] {
        set_scheduler(0, SCHED_FIFO, 10);
        order->note('l');
    });
    const pid_t high = start([&] {
        set_scheduler(0, SCHED_FIFO, 20);
        order->note('h');
    });
    // Both are 50 and have not run yet: the first sets itself below the second, which goes on.
    expect_good_end(low);
    expect_good_end(high);
    CHECK_EQ(strcmp(order->names, "hl"), 0);
}

ABI_TEST(equals_take_turns_when_they_yield) {
    abi::stay_on_one_cpu();
    set_scheduler(0, SCHED_FIFO, 50);
    auto* const order = abi::share<Order>();
    const Gate gates[2];
    pid_t children[2];
    for (int i = 0; i < 2; ++i) {
        children[i] = start([&] {
            set_scheduler(0, SCHED_FIFO, 40);
            gates[i].pass();
            for (int round = 0; round < 3; ++round) {
                order->note(static_cast<char>('a' + i));
                sched_yield();
            }
        });
        abi::wait_until_asleep(children[i]);
    }
    for (const Gate& each : gates) each.open();
    for (const pid_t each : children) expect_good_end(each);
    CHECK_EQ(strcmp(order->names, "ababab"), 0);
}
