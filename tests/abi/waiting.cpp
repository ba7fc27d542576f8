// Waiting: poll and select in all forms, signals that end or interrupt them, calls that go on after
// a stop, timers, and the calls that ask for signals.
#include <poll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

constexpr size_t kSet = 8;  // bytes of the kernel's signal sets

constexpr uint64_t bit(int signal) {
    return uint64_t{1} << (signal - 1);
}

volatile sig_atomic_t caught = 0;

void catch_signal(int signal, int flags) {
    struct sigaction action = {};
    action.sa_handler = [](int number) { caught = number; };
    action.sa_flags = flags;
    CHECK_EQ(sigaction(signal, &action, nullptr), 0);
}

void block(int signal) {
    const uint64_t set = bit(signal);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, kSet), 0);
}

long now_ms() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

struct Pipe {
    Pipe() { CHECK_EQ(pipe(ends), 0); }
    int ends[2];
};

/// Sends the signals to the caller after a while each, from a child.
pid_t send_later(std::initializer_list<int> signals) {
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child != 0) return child;
    for (const int signal : signals) {
        usleep(60'000);
        kill(self, signal);
    }
    _exit(0);
}

}  // namespace

ABI_TEST(ppoll_has_its_own_mask) {
    catch_signal(SIGUSR1, SA_RESTART);
    block(SIGUSR1);
    const Pipe pipe;
    pollfd fd = {pipe.ends[0], POLLIN, 0};
    send_later({SIGUSR1});
    const uint64_t none = 0;
    CHECK_ERRNO(syscall(SYS_ppoll, &fd, 1, nullptr, &none, kSet), EINTR);
    CHECK_EQ(caught, SIGUSR1);
    uint64_t mask = 0;
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, kSet), 0);
    CHECK_EQ(mask, bit(SIGUSR1));
}

ABI_TEST(ppoll_tells_what_time_is_left) {
    const Pipe pipe;
    pollfd fd = {pipe.ends[1], POLLOUT, 0};
    timespec patience = {5, 0};
    CHECK_EQ(syscall(SYS_ppoll, &fd, 1, &patience, nullptr, kSet), 1);
    CHECK(patience.tv_sec == 4 || (patience.tv_sec == 5 && patience.tv_nsec == 0));
    fd.events = POLLIN;
    patience = {0, 30'000'000};
    const long begin = now_ms();
    CHECK_EQ(syscall(SYS_ppoll, &fd, 1, &patience, nullptr, kSet), 0);
    CHECK(now_ms() - begin >= 29);
    CHECK(patience.tv_sec == 0 && patience.tv_nsec == 0);
}

ABI_TEST(ppoll_errors) {
    pollfd fd = {0, 0, 0};
    const timespec wrong = {0, 1'000'000'000}, before = {-1, 0};
    const uint64_t none = 0;
    CHECK_ERRNO(syscall(SYS_ppoll, &fd, 1, &wrong, nullptr, kSet), EINVAL);
    CHECK_ERRNO(syscall(SYS_ppoll, &fd, 1, &before, nullptr, kSet), EINVAL);
    CHECK_ERRNO(syscall(SYS_ppoll, &fd, 1, nullptr, &none, 4), EINVAL);
    CHECK_ERRNO(syscall(SYS_poll, &fd, 0x10000000, 0), EINVAL);
}

ABI_TEST(poll_of_closed_ends) {
    const Pipe pipe;
    close(pipe.ends[0]);
    pollfd fds[] = {{pipe.ends[1], POLLOUT, 0}, {pipe.ends[0], POLLIN, 0}, {-5, POLLIN, 77}};
    CHECK_EQ(syscall(SYS_poll, fds, 3, 0), 2);
    CHECK_EQ(fds[0].revents & POLLERR, POLLERR);
    CHECK_EQ(fds[1].revents, POLLNVAL);
    CHECK_EQ(fds[2].revents, 0);
}

ABI_TEST(select_forms_and_sets) {
    const Pipe pipe;
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(pipe.ends[0], &in);
    FD_SET(pipe.ends[1], &out);
    CHECK_EQ(syscall(SYS_select, pipe.ends[1] + 1, &in, &out, nullptr, nullptr), 1);
    CHECK(!FD_ISSET(pipe.ends[0], &in) && FD_ISSET(pipe.ends[1], &out));
    close(pipe.ends[1]);
    FD_SET(pipe.ends[0], &in);
    CHECK_EQ(syscall(SYS_select, pipe.ends[0] + 1, &in, nullptr, nullptr, nullptr), 1);
    CHECK(FD_ISSET(pipe.ends[0], &in));  // at its end is readable
}

ABI_TEST(select_errors) {
    timeval before = {-1, 0};
    CHECK_ERRNO(syscall(SYS_select, 0, nullptr, nullptr, nullptr, &before), EINVAL);
    timeval none = {0, 0};
    CHECK_ERRNO(syscall(SYS_select, -1, nullptr, nullptr, nullptr, &none), EINVAL);
    timeval much = {0, 30'000'000};  // more microseconds than a second has are taken
    const Pipe pipe;
    fd_set out;
    FD_ZERO(&out);
    FD_SET(pipe.ends[1], &out);
    CHECK_EQ(syscall(SYS_select, pipe.ends[1] + 1, nullptr, &out, nullptr, &much), 1);
    CHECK(much.tv_sec >= 28);
}

ABI_TEST(pselect6_has_its_own_mask) {
    catch_signal(SIGUSR1, SA_RESTART);
    block(SIGUSR1);
    raise(SIGUSR1);
    const uint64_t none = 0;
    const struct {
        const uint64_t* mask;
        size_t bytes;
    } argument = {&none, kSet};
    CHECK_ERRNO(syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, nullptr, &argument), EINTR);
    CHECK_EQ(caught, SIGUSR1);
}

ABI_TEST(pselect6_waits_and_tells) {
    const Pipe pipe;
    fd_set in;
    FD_ZERO(&in);
    FD_SET(pipe.ends[0], &in);
    timespec patience = {0, 30'000'000};
    CHECK_EQ(syscall(SYS_pselect6, pipe.ends[0] + 1, &in, nullptr, nullptr, &patience, nullptr), 0);
    CHECK(patience.tv_sec == 0 && patience.tv_nsec == 0 && !FD_ISSET(pipe.ends[0], &in));
    const timespec wrong = {0, -1};
    CHECK_ERRNO(syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, &wrong, nullptr), EINVAL);
    const struct {
        const uint64_t* mask;
        size_t bytes;
    } argument = {nullptr, 3};
    timespec none = {0, 0};
    CHECK_EQ(syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, &none, &argument), 0);
    FD_SET(50, &in);
    CHECK_ERRNO(syscall(SYS_pselect6, 51, &in, nullptr, nullptr, &none, nullptr), EBADF);
}

ABI_TEST(sleep_goes_on_after_a_stop) {
    const pid_t child = fork();
    if (child == 0) {
        const long begin = now_ms();
        const timespec time = {0, 400'000'000};
        if (syscall(SYS_nanosleep, &time, nullptr) != 0) _exit(1);
        const long took = now_ms() - begin;
        _exit(took >= 399 && took < 3000 ? 0 : 2);
    }
    usleep(60'000);
    CHECK_EQ(kill(child, SIGSTOP), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(kill(child, SIGCONT), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

ABI_TEST(poll_goes_on_after_a_stop) {
    const Pipe pipe;
    const pid_t child = fork();
    if (child == 0) {
        const long begin = now_ms();
        pollfd fd = {pipe.ends[0], POLLIN, 0};
        if (syscall(SYS_poll, &fd, 1, 400) != 0) _exit(1);
        _exit(now_ms() - begin >= 399 ? 0 : 2);
    }
    usleep(60'000);
    CHECK_EQ(kill(child, SIGSTOP), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(kill(child, SIGCONT), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

ABI_TEST(restart_of_nothing) {
    CHECK_ERRNO(syscall(SYS_restart_syscall), EINTR);
}

ABI_TEST(clock_nanosleep_until) {
    timespec until;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &until), 0);
    CHECK_EQ(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &until, nullptr), 0);
    const long begin = now_ms();
    const timespec time = {0, 20'000'000};
    CHECK_EQ(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, nullptr), 0);
    CHECK(now_ms() - begin >= 19);
    catch_signal(SIGUSR1, SA_RESTART);
    send_later({SIGUSR1});
    timespec rest = {77, 77};
    const timespec longer = {5, 0};
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &longer, &rest), EINTR);
    CHECK(rest.tv_sec == 4);
}

ABI_TEST(clock_nanosleep_errors) {
    const timespec wrong = {0, 1'000'000'000}, none = {0, 0};
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, 99, 0, &none, nullptr), EINVAL);
    for (const int clock : {CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE})
        CHECK_ERRNO(syscall(SYS_clock_nanosleep, clock, 0, &none, nullptr), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_clock_getres, 99, &none), EINVAL);
}

ABI_TEST(clocks_have_a_resolution) {
    for (const int clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME}) {
        timespec step = {7, 7};
        CHECK_EQ(syscall(SYS_clock_getres, clock, &step), 0);
        CHECK(step.tv_sec == 0 && step.tv_nsec >= 1 && step.tv_nsec <= 10'000'000);
        CHECK_EQ(syscall(SYS_clock_getres, clock, nullptr), 0);
    }
}

ABI_TEST(wall_clock_in_three_forms) {
    timeval micro;
    timespec nano;
    long seconds = 0;
    CHECK_EQ(syscall(SYS_gettimeofday, &micro, nullptr), 0);
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_REALTIME, &nano), 0);
    const long told = syscall(SYS_time, &seconds);
    CHECK_EQ(told, seconds);
    CHECK(micro.tv_usec >= 0 && micro.tv_usec < 1'000'000);
    CHECK(nano.tv_sec >= micro.tv_sec && nano.tv_sec - micro.tv_sec <= 1);
    CHECK(told >= micro.tv_sec - 1 && told - micro.tv_sec <= 1);
}

ABI_TEST(wall_clock_goes_on) {
    timeval first, second;
    struct timezone zone = {77, 77};
    CHECK_EQ(syscall(SYS_gettimeofday, &first, &zone), 0);
    CHECK_EQ(zone.tz_dsttime, 0);
    usleep(30'000);
    CHECK_EQ(syscall(SYS_gettimeofday, &second, nullptr), 0);
    CHECK((second.tv_sec - first.tv_sec) * 1'000'000 + second.tv_usec - first.tv_usec >= 29'000);
    CHECK(syscall(SYS_time, nullptr) >= second.tv_sec - 1);
}

ABI_TEST(alarm_is_told_and_taken_back) {
    CHECK_EQ(syscall(SYS_alarm, 100), 0);
    const long left = syscall(SYS_alarm, 0);
    CHECK(left == 99 || left == 100);
    CHECK_EQ(syscall(SYS_alarm, 0), 0);
}

ABI_TEST(alarm_and_setitimer_are_one) {
    CHECK_EQ(syscall(SYS_alarm, 100), 0);
    itimerval now = {};
    CHECK_EQ(syscall(SYS_getitimer, ITIMER_REAL, &now), 0);
    CHECK(now.it_value.tv_sec >= 98 && now.it_interval.tv_sec == 0);
    const itimerval next = {{0, 0}, {0, 30'000}};
    CHECK_EQ(syscall(SYS_setitimer, ITIMER_REAL, &next, &now), 0);
    CHECK(now.it_value.tv_sec >= 98);
    catch_signal(SIGALRM, 0);
    pause();
    CHECK_EQ(caught, SIGALRM);
    CHECK_EQ(syscall(SYS_alarm, 0), 0);
}

ABI_TEST(interval_timers_errors) {
    itimerval next = {{0, 0}, {0, 1'000'000}};
    CHECK_ERRNO(syscall(SYS_setitimer, ITIMER_REAL, &next, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_setitimer, 99, &next, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_getitimer, 99, &next), EINVAL);
    const int status = abi::status_of([] {  // timers are not inherited
        itimerval inner = {};
        CHECK_EQ(syscall(SYS_getitimer, ITIMER_REAL, &inner), 0);
        CHECK(inner.it_value.tv_sec == 0 && inner.it_value.tv_usec == 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(pending_signals_are_told) {
    block(SIGUSR1);
    block(SIGUSR2);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    uint64_t pending = 0;
    CHECK_EQ(syscall(SYS_rt_sigpending, &pending, kSet), 0);
    CHECK_EQ(pending, bit(SIGUSR1) | bit(SIGUSR2));
    signal(SIGUSR1, SIG_IGN);  // ignored: no longer pending
    CHECK_EQ(syscall(SYS_rt_sigpending, &pending, kSet), 0);
    CHECK_EQ(pending, bit(SIGUSR2));
    CHECK_ERRNO(syscall(SYS_rt_sigpending, &pending, 16), EINVAL);
    const int status = abi::status_of([] {  // not inherited
        uint64_t inner = 0;
        CHECK_EQ(syscall(SYS_rt_sigpending, &inner, kSet), 0);
        CHECK_EQ(inner, 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(sigtimedwait_takes_a_signal) {
    block(SIGUSR1);
    const uint64_t set = bit(SIGUSR1);
    const timespec none = {0, 0}, wrong = {0, -1};
    siginfo_t info = {};
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, &info, &none, kSet), EAGAIN);
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, &info, &wrong, kSet), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, &info, &none, 4), EINVAL);
    send_later({SIGUSR1});
    CHECK_EQ(syscall(SYS_rt_sigtimedwait, &set, &info, nullptr, kSet), SIGUSR1);
    CHECK_EQ(info.si_signo, SIGUSR1);
    CHECK_EQ(info.si_code, SI_USER);
    catch_signal(SIGUSR2, SA_RESTART);
    send_later({SIGUSR2});
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, &info, nullptr, kSet), EINTR);
}

ABI_TEST(queued_signals_carry_values) {
    constexpr int kRealTime = 40;
    block(kRealTime);
    siginfo_t info = {};
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    for (int i = 1; i <= 3; ++i) {  // real-time signals queue, in order
        info.si_value.sival_int = i;
        CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), kRealTime, &info), 0);
    }
    const uint64_t set = bit(kRealTime);
    const timespec none = {0, 0};
    for (int i = 1; i <= 3; ++i) {
        siginfo_t got = {};
        CHECK_EQ(syscall(SYS_rt_sigtimedwait, &set, &got, &none, kSet), kRealTime);
        CHECK_EQ(got.si_code, SI_QUEUE);
        CHECK_EQ(got.si_value.sival_int, i);
    }
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, nullptr, &none, kSet), EAGAIN);
}

ABI_TEST(queued_signals_errors) {
    siginfo_t info = {};
    info.si_code = SI_USER;  // only the kernel may say that to another
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info), EPERM);
    info.si_code = SI_QUEUE;
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, 0x7fffffff, SIGUSR1, &info), ESRCH);
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info), EINVAL);
    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &info), 0);
}

ABI_TEST(queued_signals_to_a_thread) {
    block(SIGUSR1);
    siginfo_t info = {};
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 42;
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, &info), 0);
    const uint64_t set = bit(SIGUSR1);
    siginfo_t got = {};
    CHECK_EQ(syscall(SYS_rt_sigtimedwait, &set, &got, nullptr, kSet), SIGUSR1);
    CHECK_EQ(got.si_value.sival_int, 42);
}

ABI_TEST(queued_signals_to_a_thread_errors) {
    siginfo_t info = {};
    info.si_code = SI_QUEUE;
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, 0, gettid(), SIGUSR1, &info), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), -1, SIGUSR1, &info), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getppid(), gettid(), SIGUSR1, &info), ESRCH);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), 65, &info), EINVAL);
    info.si_code = SI_USER;
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), 0, &info), EPERM);
}

ABI_TEST(sigsuspend_gives_the_mask_back) {
    catch_signal(SIGUSR1, SA_RESTART);
    block(SIGUSR1);
    raise(SIGUSR1);
    const uint64_t none = 0;
    CHECK_ERRNO(syscall(SYS_rt_sigsuspend, &none, kSet), EINTR);
    CHECK_EQ(caught, SIGUSR1);
    uint64_t mask = 0;
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, kSet), 0);
    CHECK_EQ(mask, bit(SIGUSR1));
    CHECK_ERRNO(syscall(SYS_rt_sigsuspend, &none, 4), EINVAL);
}

ABI_TEST(alternate_stacks_are_checked) {
    stack_t old = {};
    CHECK_EQ(syscall(SYS_sigaltstack, nullptr, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    static char memory[65536];
    stack_t next = {memory, 0, 100};
    CHECK_ERRNO(syscall(SYS_sigaltstack, &next, nullptr), ENOMEM);
    next = {memory, 0x40, sizeof memory};
    CHECK_ERRNO(syscall(SYS_sigaltstack, &next, nullptr), EINVAL);
    next = {memory, 0, sizeof memory};
    CHECK_EQ(syscall(SYS_sigaltstack, &next, nullptr), 0);
    CHECK_EQ(syscall(SYS_sigaltstack, nullptr, &old), 0);
    CHECK(old.ss_sp == memory && old.ss_flags == 0 && old.ss_size == sizeof memory);
}

ABI_TEST(alternate_stack_is_not_changed_in_use) {
    static char memory[65536];
    const stack_t next = {memory, 0, sizeof memory};
    CHECK_EQ(syscall(SYS_sigaltstack, &next, nullptr), 0);
    struct sigaction action = {};
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = [](int) {
        stack_t now = {};
        CHECK_EQ(syscall(SYS_sigaltstack, nullptr, &now), 0);
        CHECK_EQ(now.ss_flags, SS_ONSTACK);
        CHECK_ERRNO(syscall(SYS_sigaltstack, &now, nullptr), EPERM);
        caught = 1;
    };
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    raise(SIGUSR1);
    CHECK_EQ(caught, 1);
}

ABI_TEST(signals_to_threads_by_number) {
    catch_signal(SIGUSR1, 0);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1), 0);
    CHECK_EQ(caught, SIGUSR1);
    CHECK_EQ(syscall(SYS_tkill, gettid(), 0), 0);
    CHECK_ERRNO(syscall(SYS_tgkill, getppid(), gettid(), 0), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 0x7fffffff, 0), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, 0, gettid(), 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), gettid(), 65), EINVAL);
    CHECK_ERRNO(syscall(SYS_tkill, -1, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_tkill, 0x7fffffff, SIGUSR1), ESRCH);
}

ABI_TEST(pause_ends_with_a_handler_only) {
    catch_signal(SIGUSR1, SA_RESTART);
    signal(SIGUSR2, SIG_IGN);
    const long begin = now_ms();
    send_later({SIGUSR2, SIGUSR1});
    CHECK_ERRNO(syscall(SYS_pause), EINTR);
    CHECK(now_ms() - begin >= 100);
}
