// POSIX timers: timer_create(2), timer_settime(2), timer_getoverrun(2), timer_delete(2). By the
// calls themselves: a C library makes numbers of its own and threads for SIGEV_THREAD.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

using Id = int;

struct Event {
    union {
        int number;
        uint64_t whole;
    } value;
    int signo, notify, thread, padding[11];
};
static_assert(sizeof(Event) == 64);
constexpr int kThreadId = 4;

long create(clockid_t clock, const Event* event, Id* id) {
    return syscall(SYS_timer_create, clock, event, id);
}
long set_time(Id id, int flags, const itimerspec* next, itimerspec* old) {
    return syscall(SYS_timer_settime, id, flags, next, old);
}
long get_time(Id id, itimerspec* now) {
    return syscall(SYS_timer_gettime, id, now);
}
long overrun(Id id) {
    return syscall(SYS_timer_getoverrun, id);
}
long remove_timer(Id id) {
    return syscall(SYS_timer_delete, id);
}

Event event_of(int notify, int signo) {
    Event event = {};
    event.notify = notify;
    event.signo = signo;
    return event;
}

Id make(int notify, int signo, clockid_t clock = CLOCK_MONOTONIC) {
    const Event event = event_of(notify, signo);
    Id id = -1;
    CHECK_EQ(create(clock, &event, &id), 0);
    CHECK(id >= 0);
    return id;
}

constexpr long kMs = 1'000'000;

itimerspec after(long value_ns, long interval_ns = 0) {
    return {{interval_ns / 1'000'000'000, interval_ns % 1'000'000'000},
            {value_ns / 1'000'000'000, value_ns % 1'000'000'000}};
}

int block(int signo) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    return sigprocmask(SIG_BLOCK, &set, nullptr);
}

/// Waits for a blocked signal; 0 after `ms` without one.
int wait_for(int signo, siginfo_t* info, long ms) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    const timespec limit = {ms / 1000, ms % 1000 * kMs};
    const int got = sigtimedwait(&set, info, &limit);
    return got < 0 ? 0 : got;
}

void sleep_ms(long ms) {
    const timespec time = {ms / 1000, ms % 1000 * kMs};
    nanosleep(&time, nullptr);
}

volatile sig_atomic_t count = 0;

void note(int) {
    count = count + 1;
}

}  // namespace

ABI_TEST(numbers_are_the_process_s_own_and_begin_with_0) {
    CHECK_EQ(make(SIGEV_NONE, 0), 0);
    CHECK_EQ(make(SIGEV_NONE, 0), 1);
    const int status = abi::status_of([] {
        itimerspec now;
        CHECK_ERRNO(get_time(0, &now), EINVAL);  // timers are not inherited
        CHECK_EQ(make(SIGEV_NONE, 0), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(signal_tells_timer_and_value) {
    CHECK_EQ(block(SIGUSR1), 0);
    Event event = event_of(SIGEV_SIGNAL, SIGUSR1);
    event.value.number = 77;
    Id id;
    CHECK_EQ(create(CLOCK_MONOTONIC, &event, &id), 0);
    const itimerspec soon = after(kMs);
    CHECK_EQ(set_time(id, 0, &soon, nullptr), 0);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGUSR1, &info, 5000), SIGUSR1);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK_EQ(info.si_timerid, id);
    CHECK_EQ(info.si_value.sival_int, 77);
    CHECK_EQ(info.si_overrun, 0);
    CHECK_EQ(wait_for(SIGUSR1, &info, 30), 0);  // once
}

ABI_TEST(without_event_SIGALRM_tells_the_number) {
    CHECK_EQ(block(SIGALRM), 0);
    make(SIGEV_NONE, 0);
    Id id;
    CHECK_EQ(create(CLOCK_REALTIME, nullptr, &id), 0);
    const itimerspec soon = after(kMs);
    CHECK_EQ(set_time(id, 0, &soon, nullptr), 0);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGALRM, &info, 5000), SIGALRM);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK_EQ(info.si_value.sival_int, id);
}

ABI_TEST(clocks_that_count_time) {
    CHECK_EQ(block(SIGUSR1), 0);
    for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI}) {
        const Id id = make(SIGEV_SIGNAL, SIGUSR1, clock);
        timespec now;
        CHECK_EQ(clock_gettime(clock, &now), 0);
        now.tv_nsec += 20 * kMs;
        if (now.tv_nsec >= 1'000'000'000) {
            now.tv_nsec -= 1'000'000'000;
            now.tv_sec += 1;
        }
        const itimerspec at = {{0, 0}, now};
        CHECK_EQ(set_time(id, TIMER_ABSTIME, &at, nullptr), 0);
        itimerspec left;
        CHECK_EQ(get_time(id, &left), 0);
        CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec <= 20 * kMs);
        siginfo_t info;
        CHECK_EQ(wait_for(SIGUSR1, &info, 5000), SIGUSR1);
        CHECK_EQ(info.si_timerid, id);
        timespec later;
        CHECK_EQ(clock_gettime(clock, &later), 0);
        CHECK(later.tv_sec > now.tv_sec ||
              (later.tv_sec == now.tv_sec && later.tv_nsec >= now.tv_nsec));
    }
}

ABI_TEST(a_time_that_has_passed_fires_at_once) {
    CHECK_EQ(block(SIGUSR1), 0);
    const Id id = make(SIGEV_SIGNAL, SIGUSR1, CLOCK_REALTIME);
    const itimerspec at = {{0, 0}, {1, 0}};
    CHECK_EQ(set_time(id, TIMER_ABSTIME, &at, nullptr), 0);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGUSR1, &info, 5000), SIGUSR1);
}

ABI_TEST(create_refuses) {
    Id id;
    Event event = event_of(SIGEV_SIGNAL, SIGUSR1);
    CHECK_ERRNO(create(500, &event, &id), EINVAL);
    CHECK_ERRNO(create(-1, &event, &id), EINVAL);
    CHECK_ERRNO(create(CLOCK_MONOTONIC_RAW, &event, &id), EOPNOTSUPP);
    CHECK_ERRNO(create(CLOCK_REALTIME_COARSE, &event, &id), EOPNOTSUPP);
    for (const int signo : {-1, 0, 65}) {
        event = event_of(SIGEV_SIGNAL, signo);
        CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    }
    event = event_of(3, SIGUSR1);
    CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event = event_of(kThreadId, SIGUSR1);
    event.thread = 1;  // a thread of another process
    CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event = event_of(SIGEV_NONE, -5);  // the signal is of no interest
    CHECK_EQ(create(CLOCK_MONOTONIC, &event, &id), 0);
    void* const nowhere = reinterpret_cast<void*>(8);
    CHECK_ERRNO(create(CLOCK_MONOTONIC, static_cast<Event*>(nowhere), &id), EFAULT);
    CHECK_ERRNO(create(500, static_cast<Event*>(nowhere), &id), EFAULT);
    CHECK_ERRNO(create(CLOCK_MONOTONIC, nullptr, static_cast<Id*>(nowhere)), EFAULT);
}

ABI_TEST(settime_refuses) {
    const Id id = make(SIGEV_NONE, 0);
    itimerspec next = after(kMs);
    CHECK_ERRNO(set_time(id, 0, nullptr, nullptr), EINVAL);
    CHECK_ERRNO(set_time(id + 1, 0, &next, nullptr), EINVAL);
    CHECK_ERRNO(set_time(-1, 0, &next, nullptr), EINVAL);
    next.it_value.tv_nsec = 1'000'000'000;
    CHECK_ERRNO(set_time(id, 0, &next, nullptr), EINVAL);
    next = after(kMs);
    next.it_interval.tv_sec = -1;
    CHECK_ERRNO(set_time(id, 0, &next, nullptr), EINVAL);
    next = after(kMs);
    auto* const nowhere = reinterpret_cast<itimerspec*>(8);
    CHECK_ERRNO(set_time(id, 0, nowhere, nullptr), EFAULT);
    CHECK_ERRNO(set_time(id, 0, &next, nowhere), EFAULT);
    CHECK_ERRNO(get_time(id, nowhere), EFAULT);
    CHECK_ERRNO(overrun(id + 1), EINVAL);
    CHECK_ERRNO(remove_timer(id + 1), EINVAL);
    CHECK_EQ(remove_timer(id), 0);
    CHECK_ERRNO(remove_timer(id), EINVAL);
    CHECK_ERRNO(get_time(id, &next), EINVAL);
}

ABI_TEST(settime_tells_what_was_set) {
    const Id id = make(SIGEV_SIGNAL, SIGUSR1);
    itimerspec now;
    CHECK_EQ(get_time(id, &now), 0);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
    itimerspec next = {{7, 5}, {100, 0}};
    CHECK_EQ(set_time(id, 0, &next, nullptr), 0);
    CHECK_EQ(get_time(id, &now), 0);
    CHECK(now.it_interval.tv_sec == 7 && now.it_interval.tv_nsec == 5);
    CHECK(now.it_value.tv_sec == 99 || now.it_value.tv_sec == 100);
    next = {};
    itimerspec old;
    CHECK_EQ(set_time(id, 0, &next, &old), 0);
    CHECK(old.it_interval.tv_sec == 7 && old.it_value.tv_sec >= 98);
    CHECK_EQ(get_time(id, &now), 0);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0 && now.it_interval.tv_sec == 0);
}

ABI_TEST(one_that_tells_nobody_counts_down) {
    const Id id = make(SIGEV_NONE, 0);
    itimerspec next = after(5 * kMs);
    CHECK_EQ(set_time(id, 0, &next, nullptr), 0);
    sleep_ms(20);
    itimerspec now;
    CHECK_EQ(get_time(id, &now), 0);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
    next = after(5 * kMs, 1000 * kMs);
    CHECK_EQ(set_time(id, 0, &next, nullptr), 0);
    sleep_ms(20);
    CHECK_EQ(get_time(id, &now), 0);
    CHECK(now.it_interval.tv_sec == 1);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec > 100 * kMs);
}

ABI_TEST(periods_that_nobody_took_are_overruns) {
    CHECK_EQ(block(SIGRTMIN), 0);
    const Id id = make(SIGEV_SIGNAL, SIGRTMIN);
    const itimerspec often = after(kMs, kMs);
    CHECK_EQ(set_time(id, 0, &often, nullptr), 0);
    sleep_ms(50);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGRTMIN, &info, 5000), SIGRTMIN);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK(info.si_overrun >= 40);
    CHECK_EQ(overrun(id), info.si_overrun);
    // It goes on, and was queued once only.
    CHECK_EQ(wait_for(SIGRTMIN, &info, 5000), SIGRTMIN);
    CHECK(info.si_overrun < 5000);
    CHECK_EQ(remove_timer(id), 0);
}

ABI_TEST(a_handler_sees_every_period) {
    struct sigaction action = {};
    action.sa_handler = note;
    CHECK_EQ(sigaction(SIGUSR2, &action, nullptr), 0);
    const Id id = make(SIGEV_SIGNAL, SIGUSR2);
    const itimerspec often = after(2 * kMs, 2 * kMs);
    CHECK_EQ(set_time(id, 0, &often, nullptr), 0);
    while (count < 5) pause();
    const itimerspec never = {};
    CHECK_EQ(set_time(id, 0, &never, nullptr), 0);
    const int seen = count;
    sleep_ms(20);
    CHECK(count <= seen + 1);
}

ABI_TEST(two_timers_of_one_signal_each_tell) {
    CHECK_EQ(block(SIGUSR1), 0);
    const Id first = make(SIGEV_SIGNAL, SIGUSR1);
    const Id second = make(SIGEV_SIGNAL, SIGUSR1);
    const itimerspec soon = after(kMs), later = after(10 * kMs);
    CHECK_EQ(set_time(first, 0, &soon, nullptr), 0);
    CHECK_EQ(set_time(second, 0, &later, nullptr), 0);
    sleep_ms(40);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGUSR1, &info, 5000), SIGUSR1);
    CHECK_EQ(info.si_timerid, first);
    CHECK_EQ(wait_for(SIGUSR1, &info, 5000), SIGUSR1);
    CHECK_EQ(info.si_timerid, second);
    CHECK_EQ(wait_for(SIGUSR1, &info, 10), 0);
}

ABI_TEST(periods_go_on_when_the_signal_is_not_ignored_any_more) {
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    const Id id = make(SIGEV_SIGNAL, SIGUSR1);
    const itimerspec often = after(2 * kMs, 2 * kMs);
    CHECK_EQ(set_time(id, 0, &often, nullptr), 0);
    sleep_ms(20);
    itimerspec now;
    CHECK_EQ(get_time(id, &now), 0);
    CHECK(now.it_interval.tv_nsec == 2 * kMs && now.it_value.tv_nsec > 0);
    action.sa_handler = note;
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    while (count < 3) sleep_ms(2);
}

ABI_TEST(one_thread_can_be_told) {
    CHECK_EQ(block(SIGUSR1), 0);
    Event event = event_of(kThreadId, SIGUSR1);
    event.thread = static_cast<int>(syscall(SYS_gettid));
    event.value.number = 5;
    Id id;
    CHECK_EQ(create(CLOCK_MONOTONIC, &event, &id), 0);
    const itimerspec soon = after(kMs);
    CHECK_EQ(set_time(id, 0, &soon, nullptr), 0);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGUSR1, &info, 5000), SIGUSR1);
    CHECK_EQ(info.si_value.sival_int, 5);
}

ABI_TEST(deleting_a_running_timer_ends_it) {
    CHECK_EQ(block(SIGUSR1), 0);
    const Id id = make(SIGEV_SIGNAL, SIGUSR1);
    const itimerspec soon = after(20 * kMs, 20 * kMs);
    CHECK_EQ(set_time(id, 0, &soon, nullptr), 0);
    CHECK_EQ(remove_timer(id), 0);
    siginfo_t info;
    CHECK_EQ(wait_for(SIGUSR1, &info, 60), 0);
}

ABI_TEST(exec_deletes_timers) {
    const int status = abi::status_of([] {
        const Id id = make(SIGEV_SIGNAL, SIGKILL);
        const itimerspec soon = after(300 * kMs, 300 * kMs);
        CHECK_EQ(set_time(id, 0, &soon, nullptr), 0);
        execl("/bin/sh", "sh", "-c", "sleep 1; exit 3", nullptr);
    });
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 3);
}

ABI_TEST(exit_ends_timers_and_their_pending_signals) {
    for (int i = 0; i < 50; ++i) {
        const int status = abi::status_of([] {
            block(SIGUSR1);
            const Id id = make(SIGEV_SIGNAL, SIGUSR1);
            const itimerspec often = after(1000, 1000);
            set_time(id, 0, &often, nullptr);
            for (volatile int spin = 0; spin < 20000; spin = spin + 1) {
            }
        });
        CHECK_EQ(status, 0);
    }
}

ABI_TEST(timers_count_for_RLIMIT_SIGPENDING) {
    // As a user of its own, so that nobody else's signals count.
    const int status = abi::status_of([] {
        if (geteuid() == 0) CHECK_EQ(setresuid(47111, 47111, 47111), 0);
        rlimit limit;
        CHECK_EQ(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
        limit.rlim_cur = 5;
        CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
        if (geteuid() != 47111) return;
        Id ids[5];
        for (Id& id : ids) id = make(SIGEV_SIGNAL, SIGUSR1);
        Id one_more;
        CHECK_ERRNO(create(CLOCK_MONOTONIC, nullptr, &one_more), EAGAIN);
        CHECK_EQ(remove_timer(ids[2]), 0);
        CHECK_EQ(create(CLOCK_MONOTONIC, nullptr, &one_more), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(queued_signals_count_for_RLIMIT_SIGPENDING) {
    const int status = abi::status_of([] {
        if (geteuid() == 0) CHECK_EQ(setresuid(47112, 47112, 47112), 0);
        if (geteuid() != 47112) return;
        CHECK_EQ(block(SIGRTMIN), 0);
        CHECK_EQ(block(SIGUSR1), 0);
        rlimit limit;
        CHECK_EQ(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
        limit.rlim_cur = 3;
        CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
        for (int i = 0; i < 3; ++i) CHECK_EQ(sigqueue(getpid(), SIGRTMIN, {.sival_int = i}), 0);
        CHECK_ERRNO(sigqueue(getpid(), SIGRTMIN, {.sival_int = 3}), EAGAIN);
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        siginfo_t info;
        for (int i = 0; i < 3; ++i) {
            CHECK_EQ(wait_for(SIGRTMIN, &info, 1000), SIGRTMIN);
            CHECK_EQ(info.si_value.sival_int, i);
        }
        CHECK_EQ(wait_for(SIGRTMIN, &info, 5), 0);
        CHECK_EQ(wait_for(SIGUSR1, &info, 1000), SIGUSR1);
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, {.sival_int = 9}), 0);
    });
    CHECK_EQ(status, 0);
}
