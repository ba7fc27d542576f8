// Affinity, nice values and I/O priorities.
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "tests/abi/abi.h"

namespace {

constexpr int kIoProcess = 1;

cpu_set_t only(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return set;
}

cpu_set_t allowed() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

int first_of(const cpu_set_t& set) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) return cpu;
    return -1;
}

}  // namespace

ABI_TEST(a_thread_moves_to_the_cpu_it_may_run_on) {
    const cpu_set_t all = allowed();
    for (int round = 0; round < 50; ++round) {
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (!CPU_ISSET(cpu, &all)) continue;
            const cpu_set_t one = only(cpu);
            CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
            CHECK_EQ(sched_getcpu(), cpu);
            const cpu_set_t got = allowed();
            CHECK(CPU_EQUAL(&got, &one));
        }
    }
}

ABI_TEST(a_child_keeps_affinity_and_nice_value) {
    const cpu_set_t all = allowed();
    const cpu_set_t one = only(first_of(all));
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
    CHECK_EQ(abi::status_of([&] {
                 const cpu_set_t got = allowed();
                 CHECK(CPU_EQUAL(&got, &one));
                 CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7);
             }),
             0);
}

// A child that runs, sleeps or waits is moved all the same.
ABI_TEST(another_process_is_moved) {
    const cpu_set_t all = allowed();
    int ready[2];
    CHECK_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        write(ready[1], "", 1);
        for (;;) {
        }
    }
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    for (int round = 0; round < 20; ++round) {
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (!CPU_ISSET(cpu, &all)) continue;
            const cpu_set_t one = only(cpu);
            CHECK_EQ(sched_setaffinity(child, sizeof one, &one), 0);
            cpu_set_t got;
            CPU_ZERO(&got);
            CHECK_EQ(sched_getaffinity(child, sizeof got, &got), 0);
            CHECK(CPU_EQUAL(&got, &one));
            usleep(1000);
        }
    }
    CHECK_EQ(kill(child, SIGKILL), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
}

ABI_TEST(an_affinity_to_no_cpu_is_refused) {
    cpu_set_t none;
    CPU_ZERO(&none);
    CHECK_ERRNO(sched_setaffinity(0, sizeof none, &none), EINVAL);
    const cpu_set_t all = allowed();
    CHECK_ERRNO(sched_setaffinity(0x7ffffff, sizeof all, &all), ESRCH);
    CHECK_ERRNO(sched_setaffinity(0, sizeof all, nullptr), EFAULT);
    CHECK_ERRNO(sched_getaffinity(0, 1, const_cast<cpu_set_t*>(&all)), EINVAL);
}

ABI_TEST(nice_values_are_clamped_and_kept) {
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
    // The call itself answers 20 - nice.
    CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 1);
    CHECK_ERRNO(getpriority(PRIO_PROCESS, 0x7ffffff), ESRCH);
    CHECK_ERRNO(getpriority(7, 0), EINVAL);
    CHECK_ERRNO(setpriority(7, 0, 0), EINVAL);
}

ABI_TEST(a_group_has_the_highest_priority_of_its_members) {
    CHECK_EQ(setpgid(0, 0), 0);
    CHECK_EQ(setpriority(PRIO_PGRP, 0, 5), 0);
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    CHECK_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(child), 9), 0);
    CHECK_EQ(getpriority(PRIO_PGRP, 0), 5);
    CHECK_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(child)), 9);
    CHECK_EQ(setpriority(PRIO_PGRP, 0, 12), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(child)), 12);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

ABI_TEST(only_the_privileged_become_less_nice) {
    CHECK_EQ(abi::status_of([] {
                 CHECK_EQ(setresuid(65534, 65534, 65534), 0);
                 CHECK_EQ(setpriority(PRIO_PROCESS, 0, 3), 0);
                 CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, 2), EACCES);
                 CHECK_ERRNO(setpriority(PRIO_PROCESS, 1, 2), EPERM);
             }),
             0);
}

ABI_TEST(io_priorities_are_remembered) {
    constexpr int kBestEffort = 2 << 13;
    CHECK_EQ(syscall(SYS_ioprio_set, kIoProcess, 0, kBestEffort | 3), 0);
    CHECK_EQ(syscall(SYS_ioprio_get, kIoProcess, 0), kBestEffort | 3);
    CHECK_ERRNO(syscall(SYS_ioprio_set, kIoProcess, 0, 5 << 13), EINVAL);
    CHECK_ERRNO(syscall(SYS_ioprio_get, 9, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_ioprio_get, kIoProcess, 0x7ffffff), ESRCH);
}

ABI_TEST(io_priorities_go_to_children) {
    constexpr int kBestEffort = 2 << 13;
    CHECK_EQ(syscall(SYS_ioprio_set, kIoProcess, getpid(), kBestEffort | 6), 0);
    const int status = abi::status_of(
        [] { _exit(syscall(SYS_ioprio_get, kIoProcess, 0) == (kBestEffort | 6) ? 0 : 1); });
    CHECK_EQ(status, 0);
    CHECK_ERRNO(syscall(SYS_ioprio_set, 9, 0, kBestEffort), EINVAL);
    CHECK_ERRNO(syscall(SYS_ioprio_set, kIoProcess, 0x7ffffff, kBestEffort), ESRCH);
}

ABI_TEST(a_priority_of_the_normal_policy_is_zero) {
    sched_param param = {};
    CHECK_EQ(syscall(SYS_sched_setparam, 0, &param), 0);
    CHECK_EQ(syscall(SYS_sched_setparam, getpid(), &param), 0);
    param.sched_priority = 1;
    CHECK_ERRNO(syscall(SYS_sched_setparam, 0, &param), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setparam, 0, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setparam, -1, &param), EINVAL);
    param.sched_priority = 0;
    CHECK_ERRNO(syscall(SYS_sched_setparam, 1 << 22, &param), ESRCH);
}

ABI_TEST(a_slice_lasts_less_than_a_second) {
    timespec slice = {1, 1};
    CHECK_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK(slice.tv_sec == 0 && slice.tv_nsec >= 0 && slice.tv_nsec < 1000000000);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, 0, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, -1, &slice), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, 1 << 22, &slice), ESRCH);
}

ABI_TEST(a_slice_is_told_of_another_process_too) {
    timespec childs = {1, 1};
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        pause();
        _exit(1);
    }
    const long told = syscall(SYS_sched_rr_get_interval, child, &childs);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
    CHECK_EQ(told, 0);
    // Not its own: Linux says 0 where nobody waits.
    CHECK(childs.tv_sec == 0 && childs.tv_nsec >= 0 && childs.tv_nsec < 1000000000);
    CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, child, &childs), ESRCH);
}

ABI_TEST(sched_getparam_tells_the_priority_that_was_set) {
    sched_param param = {};
    CHECK_EQ(syscall(SYS_sched_setparam, 0, &param), 0);
    param.sched_priority = 7;
    CHECK_EQ(syscall(SYS_sched_getparam, 0, &param), 0);
    CHECK_EQ(param.sched_priority, 0);
    CHECK_ERRNO(syscall(SYS_sched_setparam, 0, 8), EFAULT);
}
