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
