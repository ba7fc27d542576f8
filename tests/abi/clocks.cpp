// Clocks and sleeps.
#include <sys/time.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

int64_t now(clockid_t clock) {
    timespec time;
    CHECK_EQ(clock_gettime(clock, &time), 0);
    CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1'000'000'000);
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

}  // namespace

ABI_TEST(monotonic_never_goes_back) {
    int64_t before = now(CLOCK_MONOTONIC);
    for (int i = 0; i < 20'000; ++i) {
        const int64_t next = now(CLOCK_MONOTONIC);
        CHECK(next >= before);
        before = next;
    }
}

ABI_TEST(clocks_agree) {
    timeval day;
    CHECK_EQ(gettimeofday(&day, nullptr), 0);
    const int64_t real = now(CLOCK_REALTIME) / 1'000'000'000;
    CHECK(real - day.tv_sec >= 0 && real - day.tv_sec <= 1);
    const time_t seconds = time(nullptr);
    CHECK(seconds - real >= -1 && seconds - real <= 1);
    // The call and the vDSO tell the same time.
    timespec called;
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &called), 0);
    const int64_t difference =
        now(CLOCK_MONOTONIC) - (called.tv_sec * 1'000'000'000LL + called.tv_nsec);
    CHECK(difference >= 0 && difference < 1'000'000'000);
}

ABI_TEST(sleep_lasts_at_least_that_long) {
    for (const long wanted : {0L, 1L, 100'000L, 30'000'000L}) {
        const int64_t before = now(CLOCK_MONOTONIC);
        const timespec time = {0, wanted};
        CHECK_EQ(nanosleep(&time, nullptr), 0);
        CHECK(now(CLOCK_MONOTONIC) - before >= wanted);
    }
}

ABI_TEST(sleep_until_a_time) {
    const int64_t until = now(CLOCK_MONOTONIC) + 20'000'000;
    const timespec time = {until / 1'000'000'000, until % 1'000'000'000};
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr), 0);
    CHECK(now(CLOCK_MONOTONIC) >= until);
}

ABI_TEST(bad_times_and_clocks) {
    timespec time = {0, 1'000'000'000};
    CHECK_ERRNO(nanosleep(&time, nullptr), EINVAL);
    time = {-1, 0};
    CHECK_ERRNO(nanosleep(&time, nullptr), EINVAL);
    CHECK_ERRNO(clock_gettime(12345, &time), EINVAL);
    CHECK_EQ(clock_getres(CLOCK_MONOTONIC, &time), 0);
    CHECK(time.tv_sec == 0 && time.tv_nsec >= 1);
}

ABI_TEST(cpu_time_counts_work_not_sleep) {
    const int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
    usleep(50'000);
    const int64_t slept = now(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(slept - start < 40'000'000);
    const int64_t until = now(CLOCK_MONOTONIC) + 30'000'000;
    while (now(CLOCK_MONOTONIC) < until) {
    }
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) > slept);
}

ABI_TEST(clocks_of_processes_and_threads_by_number) {
    const auto clock_of = [](pid_t id, int kind) { return static_cast<clockid_t>(~id * 8 + kind); };
    timespec time;
    CHECK_EQ(clock_gettime(clock_of(0, 2), &time), 0);          // this process
    CHECK_EQ(clock_gettime(clock_of(getpid(), 2), &time), 0);   // the same
    CHECK_EQ(clock_gettime(clock_of(getpid(), 1), &time), 0);   // in the program
    CHECK_EQ(clock_gettime(clock_of(gettid(), 6), &time), 0);   // this thread
    CHECK_ERRNO(clock_gettime(clock_of(1, 6), &time), EINVAL);  // another process's
    CHECK_ERRNO(clock_gettime(clock_of(1 << 22, 2), &time), EINVAL);
    CHECK_ERRNO(clock_gettime(clock_of(0, 3), &time), EINVAL);
    const pid_t child = fork();
    if (child == 0) {
        for (;;) {
        }
    }
    while (now(clock_of(child, 2)) < 20'000'000) usleep(1000);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
    CHECK_ERRNO(clock_gettime(clock_of(child, 2), &time), EINVAL);
}

namespace {

volatile sig_atomic_t alarms;
void count_alarm(int) {
    alarms = alarms + 1;
}

/// Sets the timer, which sends `signal`, and works until it has done so three times.
void expect_cpu_timer(int which, int signal) {
    struct sigaction action = {};
    action.sa_handler = count_alarm;
    CHECK_EQ(sigaction(signal, &action, nullptr), 0);
    const itimerval setting = {{0, 10'000}, {0, 20'000}};
    CHECK_EQ(setitimer(which, &setting, nullptr), 0);
    itimerval left;
    CHECK_EQ(getitimer(which, &left), 0);
    CHECK(left.it_interval.tv_usec == 10'000 && left.it_value.tv_usec <= 30'000);
    const int64_t used = now(CLOCK_PROCESS_CPUTIME_ID);
    while (alarms < 3) {
    }
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) - used > 30'000'000);
    const itimerval off = {};
    CHECK_EQ(setitimer(which, &off, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_interval.tv_usec == 10'000);
    CHECK_EQ(getitimer(which, &left), 0);
    CHECK_EQ(left.it_value.tv_usec, 0);
}

}  // namespace

ABI_TEST(a_profiling_timer_counts_processor_time) {
    expect_cpu_timer(ITIMER_PROF, SIGPROF);
}

ABI_TEST(a_virtual_timer_counts_time_in_the_program) {
    expect_cpu_timer(ITIMER_VIRTUAL, SIGVTALRM);
}

ABI_TEST(a_timer_of_processor_time_waits_while_the_process_sleeps) {
    struct sigaction action = {};
    action.sa_handler = count_alarm;
    CHECK_EQ(sigaction(SIGVTALRM, &action, nullptr), 0);
    const itimerval setting = {{0, 0}, {0, 50'000}};
    CHECK_EQ(setitimer(ITIMER_VIRTUAL, &setting, nullptr), 0);
    usleep(150'000);
    CHECK_EQ(alarms, 0);
    while (alarms == 0) {
    }
    itimerval left;
    CHECK_EQ(getitimer(ITIMER_VIRTUAL, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);  // once
    CHECK_ERRNO(setitimer(3, &setting, nullptr), EINVAL);
}
