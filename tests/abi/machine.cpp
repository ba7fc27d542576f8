// The machine as a whole: names, mounts, power, the log, scheduling, random numbers, limits, use.
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>

#include "tests/abi/abi.h"

using abi::make_file;

using abi::as_nobody;

namespace {

/// Names of host and domain and mounts of its own for this test. Where the kernel has no
/// namespaces, it runs in a guest that is there for the tests only.
void leave_the_machine_alone() {
    if (unshare(CLONE_NEWUTS | CLONE_NEWNS) != 0) {
        CHECK_EQ(errno, ENOSYS);
        return;
    }
    CHECK_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
}

constexpr int kMagic1 = static_cast<int>(0xfee1dead), kMagic2 = 672274793;

}  // namespace

ABI_TEST(uname_tells_a_linux) {
    utsname name = {};
    CHECK_EQ(syscall(SYS_uname, &name), 0);
    CHECK(strcmp(name.sysname, "Linux") == 0);
    CHECK(strcmp(name.machine, "x86_64") == 0);
    int major = 0;
    CHECK(sscanf(name.release, "%d.", &major) == 1 && major >= 5);
    CHECK(name.version[0] != '\0');
}

ABI_TEST(hostname_is_set_and_told) {
    leave_the_machine_alone();
    utsname before, name;
    CHECK_EQ(uname(&before), 0);
    CHECK_EQ(syscall(SYS_sethostname, "exo-test!", 8L), 0);
    CHECK_EQ(uname(&name), 0);
    CHECK(strcmp(name.nodename, "exo-test") == 0);
    CHECK_EQ(syscall(SYS_setdomainname, "example.org", 11L), 0);
    CHECK_EQ(uname(&name), 0);
    CHECK(strcmp(name.domainname, "example.org") == 0);
    CHECK(strcmp(name.nodename, "exo-test") == 0);
    CHECK_EQ(syscall(SYS_sethostname, before.nodename, strlen(before.nodename)), 0);
    CHECK_EQ(syscall(SYS_setdomainname, before.domainname, strlen(before.domainname)), 0);
}

ABI_TEST(hostname_errors) {
    leave_the_machine_alone();
    static char name[66];
    memset(name, 'n', sizeof name);
    CHECK_ERRNO(syscall(SYS_sethostname, name, 65L), EINVAL);
    CHECK_ERRNO(syscall(SYS_sethostname, name, -1L), EINVAL);
    CHECK_ERRNO(syscall(SYS_setdomainname, name, 65L), EINVAL);
    as_nobody([] {
        CHECK_ERRNO(syscall(SYS_sethostname, name, 4L), EPERM);
        CHECK_ERRNO(syscall(SYS_setdomainname, name, 4L), EPERM);
    });
}

ABI_TEST(mount_and_unmount_a_tmpfs) {
    leave_the_machine_alone();
    CHECK_EQ(mkdir("at", 0755), 0);
    close(make_file("at/below", ""));
    CHECK_EQ(mount("none", "at", "tmpfs", 0, nullptr), 0);
    CHECK_ERRNO(access("at/below", F_OK), ENOENT);
    close(make_file("at/above", ""));
    CHECK_ERRNO(rmdir("at"), EBUSY);
    CHECK_ERRNO(link("at/above", "other"), EXDEV);
    CHECK_ERRNO(rename("at/above", "other"), EXDEV);
    struct stat inside, outside;
    CHECK_EQ(stat("at", &inside), 0);
    CHECK_EQ(stat(".", &outside), 0);
    CHECK(inside.st_dev != outside.st_dev);
    CHECK_EQ(stat("at/..", &inside), 0);
    CHECK_EQ(inside.st_ino, outside.st_ino);
    CHECK_EQ(syscall(SYS_umount2, "at", 0), 0);
    CHECK_EQ(access("at/below", F_OK), 0);
    CHECK_ERRNO(access("at/above", F_OK), ENOENT);
}

ABI_TEST(unmount_of_what_is_in_use) {
    leave_the_machine_alone();
    CHECK_EQ(mkdir("at", 0755), 0);
    CHECK_EQ(mount("none", "at", "tmpfs", 0, nullptr), 0);
    const int fd = make_file("at/file", "");
    CHECK_ERRNO(syscall(SYS_umount2, "at", 0), EBUSY);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(syscall(SYS_umount2, "at", 0), 0);
    CHECK_ERRNO(syscall(SYS_umount2, "at", 0), EINVAL);  // no mount any more
}

ABI_TEST(mount_errors) {
    leave_the_machine_alone();
    CHECK_EQ(mkdir("at", 0755), 0);
    CHECK_ERRNO(mount("none", "at", "no-such-type", 0, nullptr), ENODEV);
    CHECK_ERRNO(mount("none", "missing", "tmpfs", 0, nullptr), ENOENT);
    close(make_file("file", ""));
    CHECK_ERRNO(mount("none", "file", "tmpfs", 0, nullptr), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_umount2, "missing", 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_umount2, "at", 0x100), EINVAL);
    as_nobody([] {
        CHECK_ERRNO(mount("none", "at", "tmpfs", 0, nullptr), EPERM);
        CHECK_ERRNO(syscall(SYS_umount2, "at", 0), EPERM);
    });
}

ABI_TEST(chroot_changes_what_slash_is) {
    CHECK_EQ(mkdir("root", 0755), 0);
    close(make_file("root/file", ""));
    close(make_file("outside", ""));
    CHECK_EQ(syscall(SYS_chroot, "root"), 0);
    CHECK_EQ(access("/file", F_OK), 0);
    CHECK_ERRNO(access("/outside", F_OK), ENOENT);
    CHECK_EQ(access("outside", F_OK), 0);  // the working directory stays where it was
    CHECK_EQ(chdir("/"), 0);
    CHECK_EQ(access("../../file", F_OK), 0);
    char text[64];
    CHECK_EQ(syscall(SYS_getcwd, text, sizeof text), 2);
}

ABI_TEST(chroot_errors) {
    close(make_file("file", ""));
    CHECK_ERRNO(syscall(SYS_chroot, "file"), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_chroot, "missing"), ENOENT);
    CHECK_ERRNO(syscall(SYS_chroot, ""), ENOENT);
    as_nobody([] { CHECK_ERRNO(syscall(SYS_chroot, "."), EPERM); });
}

ABI_TEST(reboot_wants_its_magic) {
    CHECK_ERRNO(syscall(SYS_reboot, 0, kMagic2, 0x4321fedc, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_reboot, kMagic1, 0, 0x4321fedc, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_reboot, kMagic1, kMagic2, 0x12345678, nullptr), EINVAL);
}

ABI_TEST(reboot_is_for_root) {
    as_nobody([] {
        CHECK_ERRNO(syscall(SYS_reboot, kMagic1, kMagic2, 0x12345678, nullptr), EPERM);
        CHECK_ERRNO(syscall(SYS_reboot, 0, 0, 0, nullptr), EPERM);
    });
}

ABI_TEST(syslog_reads_the_log) {
    static char text[4096];
    CHECK(syscall(SYS_syslog, 10, nullptr, 0) > 0);
    const long got = syscall(SYS_syslog, 3, text, sizeof text);
    CHECK(got >= 0 && got <= static_cast<long>(sizeof text));
    CHECK_EQ(syscall(SYS_syslog, 3, text, 0), 0);
}

ABI_TEST(syslog_errors) {
    char text[8];
    CHECK_ERRNO(syscall(SYS_syslog, 99, text, sizeof text), EINVAL);
    CHECK_ERRNO(syscall(SYS_syslog, 3, text, -1), EINVAL);
    CHECK_ERRNO(syscall(SYS_syslog, 3, nullptr, 8), EINVAL);
    as_nobody([] { CHECK_ERRNO(syscall(SYS_syslog, 5, nullptr, 0), EPERM); });
}

ABI_TEST(sysinfo_adds_up) {
    struct sysinfo info = {};
    CHECK_EQ(syscall(SYS_sysinfo, &info), 0);
    CHECK(info.mem_unit > 0 && info.totalram > 0 && info.freeram <= info.totalram);
    CHECK(info.procs >= 2);
    timespec up;
    CHECK_EQ(clock_gettime(CLOCK_BOOTTIME, &up), 0);
    const long apart = up.tv_sec - static_cast<long>(info.uptime);
    CHECK(apart >= -2 && apart <= 2);
}

ABI_TEST(sysinfo_counts_processes) {
    struct sysinfo before, after;
    CHECK_EQ(syscall(SYS_sysinfo, &before), 0);
    CHECK(before.freeswap <= before.totalswap);
    const int status = abi::status_of([&] { CHECK_EQ(syscall(SYS_sysinfo, &after), 0); });
    CHECK_EQ(status, 0);
}

ABI_TEST(scheduling_is_ordinary) {
    int priority = 7;
    CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
    CHECK_EQ(syscall(SYS_sched_getparam, 0, &priority), 0);
    CHECK_EQ(priority, 0);
    CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &priority), 0);
    CHECK_EQ(syscall(SYS_sched_getscheduler, getpid()), SCHED_OTHER);
    CHECK_EQ(syscall(SYS_sched_getparam, getpid(), &priority), 0);
}

ABI_TEST(scheduling_errors) {
    int priority = 5;
    CHECK_ERRNO(syscall(SYS_sched_getscheduler, -1), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getscheduler, 0x7fffffff), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_getparam, -1, &priority), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getparam, 0x7fffffff, &priority), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &priority), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, 99, &priority), EINVAL);
    priority = 0;
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0x7fffffff, SCHED_OTHER, &priority), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &priority), EINVAL);
}

ABI_TEST(priorities_of_policies) {
    CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_FIFO), 99);
    CHECK_EQ(syscall(SYS_sched_get_priority_min, SCHED_FIFO), 1);
    CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_RR), 99);
    CHECK_EQ(syscall(SYS_sched_get_priority_min, SCHED_RR), 1);
    CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_OTHER), 0);
    CHECK_EQ(syscall(SYS_sched_get_priority_min, SCHED_OTHER), 0);
}

ABI_TEST(priorities_of_unknown_policies) {
    for (const int policy : {-1, 4, 99}) {
        CHECK_ERRNO(syscall(SYS_sched_get_priority_max, policy), EINVAL);
        CHECK_ERRNO(syscall(SYS_sched_get_priority_min, policy), EINVAL);
    }
}

ABI_TEST(affinity_holds_the_running_cpu) {
    unsigned long mask[16] = {};
    const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    CHECK(bytes >= 8 && bytes <= static_cast<long>(sizeof mask));
    unsigned cpu = ~0u, node = ~0u;
    CHECK_EQ(syscall(SYS_getcpu, &cpu, &node, nullptr), 0);
    CHECK(cpu < static_cast<unsigned>(bytes) * 8);
    CHECK((mask[cpu / 64] >> (cpu % 64) & 1) == 1);
    CHECK_EQ(node, 0);
    CHECK_EQ(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask), 0);
    unsigned long same[16] = {};
    CHECK_EQ(syscall(SYS_sched_getaffinity, getpid(), sizeof same, same), bytes);
    CHECK(memcmp(mask, same, static_cast<size_t>(bytes)) == 0);
}

ABI_TEST(affinity_errors) {
    unsigned long mask[16] = {};
    CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 0, mask), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 12, mask), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0x7fffffff, sizeof mask, mask), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask), EINVAL);  // no CPU at all
    CHECK_ERRNO(syscall(SYS_sched_setaffinity, 0x7fffffff, sizeof mask, mask), ESRCH);
}

ABI_TEST(getcpu_with_nothing_asked) {
    CHECK_EQ(syscall(SYS_getcpu, nullptr, nullptr, nullptr), 0);
    unsigned cpu = ~0u;
    CHECK_EQ(syscall(SYS_getcpu, &cpu, nullptr, nullptr), 0);
    CHECK(cpu != ~0u);
    CHECK_EQ(syscall(SYS_sched_yield), 0);
}

ABI_TEST(getrandom_fills) {
    unsigned char a[256] = {}, b[256] = {};
    CHECK_EQ(syscall(SYS_getrandom, a, sizeof a, 0), sizeof a);
    CHECK_EQ(syscall(SYS_getrandom, b, sizeof b, 0), sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    int zeros = 0;
    for (const unsigned char each : a) zeros += each == 0;
    CHECK(zeros < 20);
    CHECK_EQ(syscall(SYS_getrandom, nullptr, 0, 0), 0);
}

ABI_TEST(getrandom_flags) {
    char bytes[16];
    constexpr int kNonBlock = 1, kRandom = 2, kInsecure = 4;
    CHECK_EQ(syscall(SYS_getrandom, bytes, sizeof bytes, kNonBlock), sizeof bytes);
    CHECK_EQ(syscall(SYS_getrandom, bytes, sizeof bytes, kRandom), sizeof bytes);
    CHECK_EQ(syscall(SYS_getrandom, bytes, sizeof bytes, kInsecure), sizeof bytes);
    CHECK_ERRNO(syscall(SYS_getrandom, bytes, sizeof bytes, kRandom | kInsecure), EINVAL);
    CHECK_ERRNO(syscall(SYS_getrandom, bytes, sizeof bytes, 8), EINVAL);
}

ABI_TEST(prctl_names_a_thread) {
    char name[32] = {};
    CHECK_EQ(prctl(PR_SET_NAME, "a-rather-long-name"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK(strcmp(name, "a-rather-long-n") == 0);
    const int status = abi::status_of([] {
        char inherited[32] = {};
        CHECK_EQ(prctl(PR_GET_NAME, inherited), 0);
        CHECK(strcmp(inherited, "a-rather-long-n") == 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(prctl_unknown_and_dumpable) {
    CHECK_ERRNO(prctl(0x7fffffff, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
}

ABI_TEST(personality_is_asked) {
    CHECK_EQ(syscall(SYS_personality, 0xffffffff), 0);
    CHECK_EQ(syscall(SYS_personality, 0), 0);
}

ABI_TEST(personality_is_inherited) {
    const int status = abi::status_of([] { CHECK_EQ(syscall(SYS_personality, 0xffffffff), 0); });
    CHECK_EQ(status, 0);
}

ABI_TEST(limits_by_the_old_calls) {
    rlimit limit = {};
    CHECK_EQ(syscall(SYS_getrlimit, RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_cur <= limit.rlim_max);
    const rlimit next = {40, 60};
    CHECK_EQ(syscall(SYS_setrlimit, RLIMIT_NOFILE, &next), 0);
    CHECK_EQ(syscall(SYS_getrlimit, RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_cur == 40 && limit.rlim_max == 60);
    const int status = abi::status_of([] {
        rlimit inherited = {};
        CHECK_EQ(syscall(SYS_getrlimit, RLIMIT_NOFILE, &inherited), 0);
        CHECK_EQ(inherited.rlim_cur, 40);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(limits_errors) {
    rlimit limit = {5, 4};
    CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit), EINVAL);
    CHECK_ERRNO(syscall(SYS_getrlimit, 16, &limit), EINVAL);
    CHECK_ERRNO(syscall(SYS_setrlimit, 16, &limit), EINVAL);
    limit = {10, 20};
    CHECK_EQ(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit), 0);
    as_nobody([] {
        rlimit wanted = {10, 21};
        CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_NOFILE, &wanted), EPERM);
        wanted = {20, 20};
        CHECK_EQ(syscall(SYS_setrlimit, RLIMIT_NOFILE, &wanted), 0);
        wanted = {5, 5};
        CHECK_EQ(syscall(SYS_setrlimit, RLIMIT_NOFILE, &wanted), 0);
    });
}

ABI_TEST(prlimit_of_another) {
    const pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    const rlimit next = {33, 44};
    rlimit old = {}, now = {};
    CHECK_EQ(syscall(SYS_prlimit64, child, RLIMIT_NOFILE, &next, &old), 0);
    CHECK_EQ(syscall(SYS_prlimit64, child, RLIMIT_NOFILE, nullptr, &now), 0);
    CHECK(now.rlim_cur == 33 && now.rlim_max == 44);
    CHECK_EQ(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &now), 0);
    CHECK_EQ(now.rlim_cur, old.rlim_cur);
    CHECK_ERRNO(syscall(SYS_prlimit64, 0x7fffffff, RLIMIT_NOFILE, nullptr, &now), ESRCH);
    CHECK_ERRNO(syscall(SYS_prlimit64, child, 16, nullptr, &now), EINVAL);
    CHECK_EQ(setuid(65534), 0);
    CHECK_ERRNO(syscall(SYS_prlimit64, child, RLIMIT_NOFILE, nullptr, &now), EPERM);
}

ABI_TEST(use_of_the_processor_is_counted) {
    rusage before = {}, after = {}, thread = {}, children = {};
    CHECK_EQ(syscall(SYS_getrusage, RUSAGE_SELF, &before), 0);
    const clock_t begin = clock();
    while (clock() - begin < CLOCKS_PER_SEC / 10) {
    }
    CHECK_EQ(syscall(SYS_getrusage, RUSAGE_SELF, &after), 0);
    const auto used = [](const rusage& of) {
        return (of.ru_utime.tv_sec + of.ru_stime.tv_sec) * 1'000'000 + of.ru_utime.tv_usec +
               of.ru_stime.tv_usec;
    };
    CHECK(used(after) - used(before) >= 80'000);
    CHECK_EQ(syscall(SYS_getrusage, RUSAGE_THREAD, &thread), 0);
    CHECK(used(thread) >= 80'000);
    CHECK_EQ(syscall(SYS_getrusage, RUSAGE_CHILDREN, &children), 0);
    CHECK_EQ(used(children), 0);
    CHECK_ERRNO(syscall(SYS_getrusage, 5, &children), EINVAL);
}

ABI_TEST(use_of_children_comes_with_the_wait) {
    const pid_t child = fork();
    if (child == 0) {
        const clock_t begin = clock();
        while (clock() - begin < CLOCKS_PER_SEC / 10) {
        }
        _exit(0);
    }
    rusage use = {}, children = {};
    tms ticks = {};
    CHECK_EQ(syscall(SYS_wait4, child, nullptr, 0, &use), child);
    CHECK(use.ru_utime.tv_sec * 1'000'000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec >= 80'000);
    CHECK_EQ(syscall(SYS_getrusage, RUSAGE_CHILDREN, &children), 0);
    CHECK_EQ(children.ru_utime.tv_usec, use.ru_utime.tv_usec);
    CHECK(syscall(SYS_times, &ticks) > 0);
    CHECK(ticks.tms_cutime + ticks.tms_cstime >= 8);
}

ABI_TEST(times_goes_on) {
    tms ticks = {};
    const long first = syscall(SYS_times, &ticks);
    usleep(50'000);
    const long second = syscall(SYS_times, nullptr);
    CHECK(second - first >= 4);
    CHECK_EQ(ticks.tms_cutime, 0);
}

ABI_TEST(clocks_are_set_by_root_only) {
    timespec now;
    const timespec wrong = {0, 1'000'000'000};
    CHECK_ERRNO(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &wrong), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &wrong), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_settime, 99, &wrong), EINVAL);
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now), 0);
    as_nobody([&] {
        CHECK_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &now), EPERM);
        const long time[2] = {now.tv_sec, 0};
        CHECK_ERRNO(syscall(SYS_settimeofday, time, nullptr), EPERM);
    });
}

// To the time it is, so that the machine the test runs on keeps it.
ABI_TEST(clocks_go_on_from_what_is_set) {
    timespec now, later;
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now), 0);
    CHECK_EQ(syscall(SYS_clock_settime, CLOCK_REALTIME, &now), 0);
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_REALTIME, &later), 0);
    CHECK(later.tv_sec - now.tv_sec <= 1);
    const long wrong[2] = {now.tv_sec, 1'000'000};
    CHECK_ERRNO(syscall(SYS_settimeofday, wrong, nullptr), EINVAL);
    CHECK_EQ(syscall(SYS_settimeofday, nullptr, nullptr), 0);
}

ABI_TEST(prctl_keeps_whether_core_dumps_are_wanted) {
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
}
