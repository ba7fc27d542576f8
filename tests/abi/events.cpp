// Descriptors that are waited for: epoll, eventfd, timerfd, signalfd; and poll(2) of them.
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

int add(int set, int fd, unsigned events, unsigned long data) {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = data;
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

int change(int set, int fd, unsigned events) {
    epoll_event event = {};
    event.events = events;
    return epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
}

struct Pipe {
    Pipe() { CHECK_EQ(pipe2(ends, O_NONBLOCK), 0); }
    [[nodiscard]] int reader() const { return ends[0]; }
    [[nodiscard]] int writer() const { return ends[1]; }
    int ends[2];
};

long now_ms() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

ABI_TEST(epoll_tells_what_is_ready) {
    Pipe first, second;
    const int set = epoll_create1(EPOLL_CLOEXEC);
    CHECK_EQ(fcntl(set, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(add(set, first.reader(), EPOLLIN, 1), 0);
    CHECK_EQ(add(set, second.reader(), EPOLLIN, 2), 0);
    CHECK_EQ(add(set, second.writer(), EPOLLOUT, 3), 0);
    epoll_event events[8];
    CHECK_EQ(epoll_wait(set, events, 8, 0), 1);
    CHECK_EQ(events[0].data.u64, 3);
    CHECK_EQ(events[0].events, EPOLLOUT);
    CHECK_EQ(write(second.writer(), "x", 1), 1);
    CHECK_EQ(epoll_wait(set, events, 8, -1), 2);
    CHECK_EQ(events[0].data.u64 + events[1].data.u64, 5);
    CHECK_EQ(epoll_wait(set, events, 1, -1), 1);
    char byte;
    CHECK_EQ(read(second.reader(), &byte, 1), 1);
    CHECK_EQ(epoll_wait(set, events, 8, 0), 1);
    CHECK_EQ(close(second.reader()), 0);
    CHECK_EQ(epoll_wait(set, events, 8, 0), 1);
    CHECK_EQ(events[0].events, EPOLLOUT | EPOLLERR);
}

ABI_TEST(epoll_errors) {
    Pipe pipe;
    const int set = epoll_create(1);
    epoll_event event = {};
    CHECK_ERRNO(syscall(SYS_epoll_create, 0), EINVAL);
    CHECK_ERRNO(epoll_create1(1), EINVAL);
    CHECK_EQ(add(set, pipe.reader(), EPOLLIN, 0), 0);
    CHECK_ERRNO(add(set, pipe.reader(), EPOLLIN, 0), EEXIST);
    CHECK_ERRNO(change(set, pipe.writer(), EPOLLIN), ENOENT);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_DEL, pipe.writer(), nullptr), ENOENT);
    CHECK_ERRNO(epoll_ctl(set, 17, pipe.reader(), &event), EINVAL);
    CHECK_ERRNO(epoll_ctl(pipe.reader(), EPOLL_CTL_ADD, set, &event), EINVAL);
    CHECK_ERRNO(add(set, set, EPOLLIN, 0), EINVAL);
    CHECK_ERRNO(add(set, 99, EPOLLIN, 0), EBADF);
    CHECK_ERRNO(add(99, set, EPOLLIN, 0), EBADF);
    CHECK_ERRNO(add(set, abi::make_file("file", ""), EPOLLIN, 0), EPERM);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, pipe.writer(), nullptr), EFAULT);
    CHECK_ERRNO(epoll_wait(set, &event, 0, 0), EINVAL);
    CHECK_ERRNO(epoll_wait(set, &event, -1, 0), EINVAL);
    CHECK_ERRNO(epoll_wait(pipe.reader(), &event, 1, 0), EINVAL);
    CHECK_ERRNO(epoll_wait(99, &event, 1, 0), EBADF);
    CHECK_EQ(write(pipe.writer(), "x", 1), 1);
    CHECK_ERRNO(epoll_wait(set, reinterpret_cast<epoll_event*>(8), 1, 0), EFAULT);
}

ABI_TEST(epoll_edge_tells_once_for_each_write) {
    Pipe pipe;
    const int set = epoll_create1(0);
    epoll_event event;
    CHECK_EQ(add(set, pipe.reader(), EPOLLIN | EPOLLET, 0), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_EQ(write(pipe.writer(), "x", 1), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, -1), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_EQ(write(pipe.writer(), "x", 1), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, -1), 1);
    CHECK_EQ(change(set, pipe.reader(), EPOLLIN | EPOLLET), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);
}

ABI_TEST(epoll_one_shot_is_silent_until_changed) {
    Pipe pipe;
    const int set = epoll_create1(0);
    epoll_event event;
    CHECK_EQ(write(pipe.writer(), "x", 1), 1);
    CHECK_EQ(add(set, pipe.reader(), EPOLLIN | EPOLLONESHOT, 0), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_EQ(write(pipe.writer(), "x", 1), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_EQ(change(set, pipe.reader(), EPOLLIN | EPOLLONESHOT), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);
}

ABI_TEST(epoll_forgets_what_is_closed) {
    Pipe pipe;
    const int set = epoll_create1(0);
    epoll_event event;
    CHECK_EQ(write(pipe.writer(), "x", 1), 1);
    CHECK_EQ(add(set, pipe.reader(), EPOLLIN, 7), 0);
    const int copy = dup(pipe.reader());
    CHECK_EQ(close(pipe.reader()), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);  // the description is open still
    CHECK_EQ(event.data.u64, 7);
    CHECK_EQ(close(copy), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
}

ABI_TEST(epoll_hears_of_writes_from_elsewhere) {
    Pipe pipe;
    const int set = epoll_create1(0);
    CHECK_EQ(add(set, pipe.reader(), EPOLLIN, 0), 0);
    const pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(write(pipe.writer(), "x", 1) == 1 ? 0 : 1);
    }
    epoll_event event;
    CHECK_EQ(epoll_wait(set, &event, 1, 10000), 1);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    char byte;
    CHECK_EQ(read(pipe.reader(), &byte, 1), 1);
    const long begin = now_ms();
    CHECK_EQ(epoll_wait(set, &event, 1, 30), 0);
    CHECK(now_ms() - begin >= 29);
}

ABI_TEST(epoll_in_epoll) {
    Pipe pipe;
    const int inner = epoll_create1(0), outer = epoll_create1(0), top = epoll_create1(0);
    epoll_event event;
    CHECK_EQ(add(outer, inner, EPOLLIN, 5), 0);
    CHECK_EQ(add(top, outer, EPOLLIN, 6), 0);
    CHECK_ERRNO(add(inner, top, EPOLLIN, 0), ELOOP);
    CHECK_ERRNO(add(inner, outer, EPOLLIN, 0), ELOOP);
    CHECK_EQ(add(inner, pipe.reader(), EPOLLIN, 0), 0);
    CHECK_EQ(epoll_wait(top, &event, 1, 0), 0);
    const pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(write(pipe.writer(), "x", 1) == 1 ? 0 : 1);
    }
    CHECK_EQ(epoll_wait(top, &event, 1, 10000), 1);
    CHECK_EQ(event.data.u64, 6);
    pollfd look = {outer, POLLIN, 0};
    CHECK_EQ(poll(&look, 1, 0), 1);
    char byte;
    CHECK_EQ(read(pipe.reader(), &byte, 1), 1);
    CHECK_EQ(epoll_wait(top, &event, 1, 0), 0);
    CHECK_EQ(poll(&look, 1, 0), 0);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
}

ABI_TEST(epoll_too_deep) {
    int last = epoll_create1(0);
    int depth = 0;
    for (; depth < 10; ++depth) {
        const int next = epoll_create1(0);
        if (add(next, last, EPOLLIN, 0) != 0) break;
        last = next;
    }
    CHECK_EQ(errno, ELOOP);
    CHECK(depth >= 3 && depth <= 5);
}

ABI_TEST(epoll_pwait_takes_the_mask) {
    const int set = epoll_create1(0);
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    signal(SIGUSR1, [](int) {});
    raise(SIGUSR1);
    epoll_event event;
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_ERRNO(epoll_pwait(set, &event, 1, 5000, &none), EINTR);
    sigset_t after;
    sigprocmask(SIG_BLOCK, nullptr, &after);
    CHECK_EQ(sigismember(&after, SIGUSR1), 1);
    const timespec soon = {0, 10000000};
    CHECK_EQ(syscall(SYS_epoll_pwait2, set, &event, 1, &soon, nullptr, 8), 0);
}

ABI_TEST(eventfd_counts) {
    const int fd = eventfd(3, EFD_NONBLOCK);
    uint64_t value = 0;
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 3);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    CHECK_ERRNO(read(fd, &value, 7), EINVAL);
    value = 5;
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 10);
    value = UINT64_MAX;
    CHECK_ERRNO(write(fd, &value, 8), EINVAL);
    value = UINT64_MAX - 1;
    CHECK_EQ(write(fd, &value, 8), 8);
    value = 1;
    CHECK_ERRNO(write(fd, &value, 8), EAGAIN);
    pollfd look = {fd, POLLIN | POLLOUT, 0};
    CHECK_EQ(poll(&look, 1, 0), 1);
    CHECK_EQ(look.revents, POLLIN);
    CHECK_ERRNO(eventfd(0, 12345), EINVAL);
}

ABI_TEST(eventfd_as_semaphore) {
    const int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t value = 0;
    for (int i = 0; i < 2; ++i) {
        CHECK_EQ(read(fd, &value, 8), 8);
        CHECK_EQ(value, 1);
    }
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

ABI_TEST(eventfd_between_processes) {
    const int fd = eventfd(0, 0);
    const pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        const uint64_t one = 1;
        _exit(write(fd, &one, 8) == 8 ? 0 : 1);
    }
    uint64_t value = 0;
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 1);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
}

ABI_TEST(timerfd_expires) {
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    uint64_t count = 0;
    CHECK_ERRNO(read(fd, &count, 8), EAGAIN);
    itimerspec setting = {{0, 0}, {0, 20000000}};
    CHECK_EQ(timerfd_settime(fd, 0, &setting, nullptr), 0);
    itimerspec now;
    CHECK_EQ(timerfd_gettime(fd, &now), 0);
    CHECK(now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 20000000);
    pollfd look = {fd, POLLIN, 0};
    CHECK_EQ(poll(&look, 1, 5000), 1);
    CHECK_EQ(read(fd, &count, 8), 8);
    CHECK_EQ(count, 1);
    CHECK_ERRNO(read(fd, &count, 8), EAGAIN);
    CHECK_EQ(timerfd_gettime(fd, &now), 0);
    CHECK_EQ(now.it_value.tv_nsec, 0);
    CHECK_ERRNO(read(fd, &count, 4), EINVAL);
}

ABI_TEST(timerfd_periodic_counts_what_was_missed) {
    const int fd = timerfd_create(CLOCK_REALTIME, 0);
    itimerspec setting = {{0, 10000000}, {0, 10000000}};
    CHECK_EQ(timerfd_settime(fd, 0, &setting, nullptr), 0);
    usleep(55000);
    uint64_t count = 0;
    CHECK_EQ(read(fd, &count, 8), 8);
    CHECK(count >= 5);
    CHECK_EQ(read(fd, &count, 8), 8);
    itimerspec off = {}, old;
    CHECK_EQ(timerfd_settime(fd, 0, &off, &old), 0);
    CHECK_EQ(old.it_interval.tv_nsec, 10000000);
    CHECK(old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000);
}

ABI_TEST(timerfd_absolute) {
    for (const int clock : {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME}) {
        const int fd = timerfd_create(clock, 0);
        itimerspec setting = {};
        CHECK_EQ(clock_gettime(clock, &setting.it_value), 0);
        setting.it_value.tv_nsec += 20000000;
        if (setting.it_value.tv_nsec >= 1000000000) {
            setting.it_value.tv_nsec -= 1000000000;
            ++setting.it_value.tv_sec;
        }
        CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, nullptr), 0);
        uint64_t count = 0;
        CHECK_EQ(read(fd, &count, 8), 8);
        timespec now;
        CHECK_EQ(clock_gettime(clock, &now), 0);
        CHECK(now.tv_sec > setting.it_value.tv_sec ||
              (now.tv_sec == setting.it_value.tv_sec && now.tv_nsec >= setting.it_value.tv_nsec));
        close(fd);
    }
}

ABI_TEST(timerfd_errors) {
    const int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    itimerspec setting = {{0, 0}, {0, 1000000000}};
    CHECK_ERRNO(timerfd_settime(fd, 0, &setting, nullptr), EINVAL);
    setting.it_value.tv_nsec = -1;
    CHECK_ERRNO(timerfd_settime(fd, 0, &setting, nullptr), EINVAL);
    CHECK_ERRNO(timerfd_settime(fd, 0, nullptr, nullptr), EFAULT);
    CHECK_ERRNO(timerfd_gettime(fd, nullptr), EFAULT);
    CHECK_ERRNO(timerfd_gettime(0, &setting), EINVAL);
    CHECK_ERRNO(timerfd_gettime(99, &setting), EBADF);
    CHECK_ERRNO(timerfd_create(77, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
}

ABI_TEST(signalfd_reads_signals) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGRTMIN);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &mask, nullptr), 0);
    const int fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    signalfd_siginfo info[3];
    CHECK_ERRNO(read(fd, info, sizeof info), EAGAIN);
    CHECK_ERRNO(read(fd, info, 100), EINVAL);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    sigval value = {};
    value.sival_int = 42;
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN, value), 0);
    pollfd look = {fd, POLLIN, 0};
    CHECK_EQ(poll(&look, 1, 0), 1);
    CHECK_EQ(read(fd, info, sizeof info), 256);
    CHECK_EQ(info[0].ssi_signo, SIGUSR1);
    CHECK_EQ(info[0].ssi_code, SI_USER);
    CHECK_EQ(info[0].ssi_pid, getpid());
    CHECK_EQ(info[1].ssi_signo, SIGRTMIN);
    CHECK_EQ(info[1].ssi_int, 42);
    CHECK_EQ(poll(&look, 1, 0), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

ABI_TEST(signalfd_in_epoll_hears_of_a_child) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &mask, nullptr), 0);
    const int fd = signalfd(-1, &mask, 0);
    const int set = epoll_create1(0);
    CHECK_EQ(add(set, fd, EPOLLIN, 1), 0);
    const pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(3);
    }
    epoll_event event;
    CHECK_EQ(epoll_wait(set, &event, 1, 10000), 1);
    signalfd_siginfo info;
    CHECK_EQ(read(fd, &info, sizeof info), 128);
    CHECK_EQ(info.ssi_signo, SIGCHLD);
    CHECK_EQ(info.ssi_pid, child);
    CHECK_EQ(info.ssi_status, 3);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
}

ABI_TEST(signalfd_changes_its_mask) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGUSR2);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &mask, nullptr), 0);
    sigdelset(&mask, SIGUSR2);
    const int fd = signalfd(-1, &mask, SFD_NONBLOCK);
    raise(SIGUSR2);
    signalfd_siginfo info;
    CHECK_ERRNO(read(fd, &info, sizeof info), EAGAIN);
    sigaddset(&mask, SIGUSR2);
    CHECK_EQ(signalfd(fd, &mask, 0), fd);
    CHECK_EQ(read(fd, &info, sizeof info), 128);
    CHECK_EQ(info.ssi_signo, SIGUSR2);
    CHECK_ERRNO(signalfd(0, &mask, 0), EINVAL);
    CHECK_ERRNO(signalfd(99, &mask, 0), EBADF);
    CHECK_ERRNO(signalfd(-1, &mask, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, &mask, 4L, 0), EINVAL);
}

ABI_TEST(poll_and_a_reader_at_once) {
    Pipe pipe;
    fcntl(pipe.reader(), F_SETFL, 0);
    const pid_t poller = fork();
    if (poller == 0) {
        pollfd look = {pipe.reader(), POLLIN, 0};
        _exit(poll(&look, 1, 10000) == 1 ? 0 : 1);
    }
    usleep(20000);
    const pid_t reader = fork();
    if (reader == 0) {
        char byte;
        _exit(read(pipe.reader(), &byte, 1) == 1 ? 0 : 1);
    }
    usleep(20000);
    CHECK_EQ(write(pipe.writer(), "xy", 2), 2);  // one is left for who polled
    int status;
    CHECK_EQ(waitpid(reader, &status, 0), reader);
    CHECK_EQ(status, 0);
    CHECK_EQ(waitpid(poller, &status, 0), poller);
    CHECK_EQ(status, 0);
}

ABI_TEST(event_calls_in_their_first_form) {
    const int set = static_cast<int>(syscall(SYS_epoll_create, 1));
    CHECK_EQ(fcntl(set, F_GETFD), 0);
    const int counter = static_cast<int>(syscall(SYS_eventfd, 3));
    CHECK_EQ(fcntl(counter, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(add(set, counter, EPOLLIN, 7), 0);
    epoll_event events[2] = {};
    CHECK_EQ(syscall(SYS_epoll_wait, set, events, 2, -1), 1);
    CHECK_EQ(events[0].data.u64, 7);
    uint64_t count = 0;
    CHECK_EQ(read(counter, &count, sizeof count), sizeof count);
    CHECK_EQ(count, 3);
    CHECK_EQ(syscall(SYS_epoll_wait, set, events, 2, 0), 0);
    const uint64_t mask = uint64_t{1} << (SIGUSR1 - 1);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, nullptr, 8), 0);
    const int signals = static_cast<int>(syscall(SYS_signalfd, -1, &mask, 8));
    CHECK_EQ(add(set, signals, EPOLLIN, 8), 0);
    raise(SIGUSR1);
    CHECK_EQ(syscall(SYS_epoll_wait, set, events, 2, -1), 1);
    CHECK_EQ(events[0].data.u64, 8);
}

ABI_TEST(event_calls_in_their_first_form_errors) {
    CHECK_ERRNO(syscall(SYS_epoll_create, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_epoll_create, -1), EINVAL);
    const int set = static_cast<int>(syscall(SYS_epoll_create, 100));
    epoll_event events[2];
    CHECK_ERRNO(syscall(SYS_epoll_wait, set, events, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_epoll_wait, 99, events, 2, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_epoll_wait, abi::make_file("file", ""), events, 2, 0), EINVAL);
    const uint64_t mask = 0;
    CHECK_ERRNO(syscall(SYS_signalfd, -1, &mask, 4), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd, 99, &mask, 8), EBADF);
    CHECK_ERRNO(syscall(SYS_signalfd, set, &mask, 8), EINVAL);
    const rlimit none = {0, 0};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_ERRNO(syscall(SYS_eventfd, 0), EMFILE);
    CHECK_ERRNO(syscall(SYS_epoll_create, 1), EMFILE);
    CHECK_ERRNO(syscall(SYS_signalfd, -1, &mask, 8), EMFILE);
}

ABI_TEST(epoll_pwait2_errors) {
    const int set = epoll_create1(0);
    epoll_event events[2];
    constexpr long kPwait2 = 441;
    const timespec wrong = {0, 1'000'000'000}, none = {0, 0};
    const uint64_t mask = 0;
    CHECK_ERRNO(syscall(kPwait2, set, events, 2, &wrong, nullptr, 8), EINVAL);
    CHECK_ERRNO(syscall(kPwait2, set, events, 0, &none, nullptr, 8), EINVAL);
    CHECK_ERRNO(syscall(kPwait2, set, events, 2, &none, &mask, 4), EINVAL);
    CHECK_ERRNO(syscall(kPwait2, 99, events, 2, &none, nullptr, 8), EBADF);
    CHECK_EQ(syscall(kPwait2, set, events, 2, &none, &mask, 8), 0);
}

ABI_TEST(epoll_tells_of_many_at_once) {
    constexpr int kMany = 100;
    const int set = epoll_create1(0);
    for (int i = 0; i < kMany; ++i) {
        const int fd = eventfd(1, 0);
        CHECK_EQ(add(set, fd, EPOLLIN, static_cast<uint64_t>(i)), 0);
    }
    epoll_event events[kMany + 1];
    CHECK_EQ(epoll_wait(set, events, kMany + 1, 0), kMany);
    bool seen[kMany] = {};
    for (int i = 0; i < kMany; ++i) {
        CHECK(events[i].data.u64 < kMany && !seen[events[i].data.u64]);
        seen[events[i].data.u64] = true;
    }
    CHECK_EQ(epoll_wait(set, events, 40, 0), 40);
}
