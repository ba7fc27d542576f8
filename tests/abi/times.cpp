// Processor time told apart: in the program (user) and in the kernel for it (system); load
// averages.
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

constexpr long kMs = 1'000'000;

long ns_of(clockid_t clock) {
    timespec now;
    CHECK_EQ(clock_gettime(clock, &now), 0);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

long ns_of(const timeval& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_usec * 1000;
}

struct Used {
    long user, system;
    [[nodiscard]] long total() const { return user + system; }
};

Used used(int who) {
    rusage usage;
    CHECK_EQ(getrusage(who, &usage), 0);
    return {ns_of(usage.ru_utime), ns_of(usage.ru_stime)};
}

/// Until the process has used that much processor time more, by its own clock.
void compute(long ns) {
    const long end = ns_of(CLOCK_PROCESS_CPUTIME_ID) + ns;
    do {
        for (volatile int spin = 0; spin < 200'000; spin = spin + 1) {
        }
    } while (ns_of(CLOCK_PROCESS_CPUTIME_ID) < end);
}

/// The same in system calls that have some work to do.
void call(long ns) {
    static char bytes[256 * 1024];
    const int fd = open("/dev/zero", O_RDONLY);
    CHECK(fd >= 0);
    const long end = ns_of(CLOCK_PROCESS_CPUTIME_ID) + ns;
    while (ns_of(CLOCK_PROCESS_CPUTIME_ID) < end) read(fd, bytes, sizeof bytes);
    close(fd);
}

/// The text of a file of /proc.
const char* text_of(const char* path) {
    static char text[4096];
    const int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    const ssize_t length = read(fd, text, sizeof text - 1);
    CHECK(length > 0);
    text[length] = '\0';
    close(fd);
    return text;
}

/// The `n`-th word, from 1.
const char* word_of(const char* text, int n) {
    for (; n > 1; --n) {
        text = strchr(text, ' ');
        CHECK(text != nullptr);
        while (*text == ' ') ++text;
    }
    return text;
}

}  // namespace

ABI_TEST(computing_is_user_time) {
    const Used before = used(RUSAGE_SELF);
    compute(400 * kMs);
    const Used after = used(RUSAGE_SELF);
    CHECK(after.user - before.user > 200 * kMs);
    CHECK(after.user - before.user > 2 * (after.system - before.system));
}

ABI_TEST(calls_are_system_time) {
    const Used before = used(RUSAGE_SELF);
    call(400 * kMs);
    const Used after = used(RUSAGE_SELF);
    CHECK(after.system - before.system > 200 * kMs);
    CHECK(after.system - before.system > after.user - before.user);
}

ABI_TEST(user_and_system_are_all_of_the_time) {
    compute(100 * kMs);
    call(100 * kMs);
    const long clock = ns_of(CLOCK_PROCESS_CPUTIME_ID);
    const Used self = used(RUSAGE_SELF);
    CHECK(self.total() >= clock - 30 * kMs && self.total() <= clock + 60 * kMs);
    const Used thread = used(RUSAGE_THREAD);
    CHECK(thread.user <= self.user + 20 * kMs && thread.user > self.user / 2);
}

ABI_TEST(sleeping_is_neither) {
    const Used before = used(RUSAGE_SELF);
    const timespec time = {0, 300 * kMs};
    nanosleep(&time, nullptr);
    CHECK(used(RUSAGE_SELF).total() - before.total() < 100 * kMs);
}

ABI_TEST(neither_goes_back) {
    Used last = used(RUSAGE_SELF);
    for (int i = 0; i < 5000; ++i) {
        for (volatile int spin = 0; spin < 1000; spin = spin + 1) {
        }
        const Used now = used(RUSAGE_SELF);
        CHECK(now.user >= last.user);
        CHECK(now.system >= last.system);
        last = now;
    }
}

ABI_TEST(waited_children_count_apart) {
    const Used before = used(RUSAGE_CHILDREN);
    const pid_t child = fork();
    if (child == 0) {
        compute(300 * kMs);
        _exit(0);
    }
    rusage usage;
    int status;
    CHECK_EQ(wait4(child, &status, 0, &usage), child);
    CHECK(ns_of(usage.ru_utime) > 150 * kMs);
    CHECK(ns_of(usage.ru_utime) > ns_of(usage.ru_stime));
    const Used after = used(RUSAGE_CHILDREN);
    CHECK(after.user - before.user > 150 * kMs);
    CHECK(used(RUSAGE_SELF).user < 150 * kMs);
    tms ticks;
    CHECK(times(&ticks) != -1);
    CHECK(ticks.tms_cutime >= 15);
    CHECK(ticks.tms_cutime > ticks.tms_cstime);
}

ABI_TEST(proc_tells_the_same_ticks) {
    compute(200 * kMs);
    call(200 * kMs);
    tms ticks;
    CHECK(times(&ticks) != -1);
    const char* const stat = text_of("/proc/self/stat");
    const long user = atol(word_of(stat, 14)), system = atol(word_of(stat, 15));
    CHECK(user >= ticks.tms_utime && user <= ticks.tms_utime + 5);
    CHECK(system >= ticks.tms_stime && system <= ticks.tms_stime + 5);
    CHECK(user >= 10 && system >= 10);
}

ABI_TEST(the_machine_s_time_is_told_apart_too) {
    const auto read_ticks = [](int word) { return atol(word_of(text_of("/proc/stat"), word)); };
    const long user = read_ticks(2), system = read_ticks(4);
    compute(400 * kMs);
    CHECK(read_ticks(2) - user >= 20);
    call(400 * kMs);
    CHECK(read_ticks(4) - system >= 20);
}

ABI_TEST(load_averages_are_told) {
    double loads[3];
    int running = 0, all = 0, last = 0;
    const char* const text = text_of("/proc/loadavg");
    CHECK_EQ(sscanf(text, "%lf %lf %lf %d/%d %d", &loads[0], &loads[1], &loads[2], &running, &all,
                    &last),
             6);
    CHECK(running >= 1 && all >= running && last >= 1);
    struct sysinfo info;
    CHECK_EQ(sysinfo(&info), 0);
    for (int i = 0; i < 3; ++i) {
        const double told = static_cast<double>(info.loads[i]) / 65536;
        CHECK(told > loads[i] - 0.7 && told < loads[i] + 0.7);
    }
}

ABI_TEST(load_rises_while_somebody_computes) {
    const auto load = [] {
        struct sysinfo info;
        CHECK_EQ(sysinfo(&info), 0);
        return info.loads[0];
    };
    // Without rest for longer than the five seconds of a sample.
    const pid_t child = fork();
    if (child == 0) {
        for (;;) {
        }
    }
    const timespec time = {11, 0};
    nanosleep(&time, nullptr);
    CHECK(load() > 65536 / 20);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}
