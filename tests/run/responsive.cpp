// responsive HOGS WAKEUPS: sleeps WAKEUPS times until the next multiple of 10 ms while HOGS
// processes compute; prints how late the 50th and 99th percentile and the last wake-up were,
// microseconds.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int kMost = 10'000;
int64_t late_us[kMost];

int64_t now_ns() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

int compare(const void* a, const void* b) {
    const int64_t left = *static_cast<const int64_t*>(a);
    const int64_t right = *static_cast<const int64_t*>(b);
    return (left > right) - (left < right);
}

}  // namespace

int main(int count, char** words) {
    const int hogs = count > 1 ? atoi(words[1]) : 4;
    const int wakeups = count > 2 ? atoi(words[2]) : 300;
    if (hogs < 0 || hogs > 64 || wakeups < 100 || wakeups > kMost) return 2;
    pid_t children[64];
    for (int i = 0; i < hogs; ++i) {
        children[i] = fork();
        if (children[i] < 0) return 3;
        if (children[i] == 0)
            for (volatile unsigned n = 0;; n = n + 1) {
            }
    }
    int64_t next = now_ns();
    for (int i = 0; i < wakeups; ++i) {
        next += 10'000'000;
        const timespec until = {next / 1'000'000'000, next % 1'000'000'000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
        const int64_t now = now_ns();
        late_us[i] = (now - next) / 1000;
        if (now > next) next = now;
    }
    for (int i = 0; i < hogs; ++i) {
        kill(children[i], SIGKILL);
        waitpid(children[i], nullptr, 0);
    }
    qsort(late_us, static_cast<size_t>(wakeups), sizeof late_us[0], compare);
    printf("%lld %lld %lld\n", static_cast<long long>(late_us[wakeups / 2]),
           static_cast<long long>(late_us[wakeups * 99 / 100]),
           static_cast<long long>(late_us[wakeups - 1]));
    return 0;
}
