// Descriptors of processes (pidfd_open(2), pidfd_send_signal(2), waitid(2) with P_PIDFD).
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "tests/abi/abi.h"

namespace {

constexpr int kPidFd = 3;  // P_PIDFD

int pidfd_open(pid_t pid, unsigned flags = 0) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, flags));
}

long send(int pidfd, int signal, siginfo_t* info = nullptr, unsigned flags = 0) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags);
}

long wait_on(int pidfd, siginfo_t* info, int options) {
    return syscall(SYS_waitid, kPidFd, pidfd, info, options, nullptr);
}

pid_t start_sleeper() {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        for (;;) pause();
    return pid;
}

short poll_for(int fd, int timeout) {
    pollfd one{fd, POLLIN, 0};
    CHECK(poll(&one, 1, timeout) >= 0);
    return one.revents;
}

}  // namespace

ABI_TEST(a_pidfd_is_readable_when_the_process_has_ended) {
    const pid_t pid = start_sleeper();
    const int pidfd = pidfd_open(pid);
    CHECK(pidfd >= 0);
    CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(poll_for(pidfd, 0), 0);
    const int set = epoll_create1(0);
    epoll_event event = {EPOLLIN, {}};
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, pidfd, &event), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(poll_for(pidfd, 5000), POLLIN);
    CHECK_EQ(epoll_wait(set, &event, 1, 5000), 1);
    CHECK_EQ(waitpid(pid, nullptr, 0), pid);
    CHECK_EQ(poll_for(pidfd, 0) & POLLIN, POLLIN);
    char byte;
    CHECK_ERRNO(read(pidfd, &byte, 1), EINVAL);
}

ABI_TEST(a_signal_goes_by_a_pidfd) {
    const pid_t pid = start_sleeper();
    const int pidfd = pidfd_open(pid);
    CHECK_EQ(send(pidfd, 0), 0);
    CHECK_EQ(send(pidfd, SIGTERM), 0);
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGTERM);
    CHECK_ERRNO(send(pidfd, 0), ESRCH);  // though the number may be another's by now
}

ABI_TEST(a_signal_goes_by_a_directory_of_proc) {
    const pid_t pid = start_sleeper();
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", pid);
    const int directory = open(path, O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0);
    CHECK_EQ(send(directory, SIGTERM), 0);
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGTERM);
    CHECK_ERRNO(send(directory, 0), ESRCH);
    CHECK_ERRNO(send(open("/proc", O_RDONLY | O_DIRECTORY), 0), EBADF);
}

ABI_TEST(a_signal_by_a_pidfd_may_carry_a_value) {
    const int pidfd = pidfd_open(getpid());
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, nullptr), 0);
    siginfo_t info = {};
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 77;
    CHECK_EQ(send(pidfd, SIGUSR1, &info), 0);
    siginfo_t taken = {};
    CHECK_EQ(sigwaitinfo(&set, &taken), SIGUSR1);
    CHECK_EQ(taken.si_value.sival_int, 77);
    CHECK_ERRNO(send(pidfd, SIGUSR2, &info), EINVAL);  // another number
    const pid_t pid = start_sleeper();
    info.si_code = SI_USER;
    CHECK_ERRNO(send(pidfd_open(pid), SIGUSR1, &info), EPERM);
    CHECK_EQ(kill(pid, SIGKILL), 0);
}

ABI_TEST(bad_pidfds_are_refused) {
    CHECK_ERRNO(pidfd_open(0), EINVAL);
    CHECK_ERRNO(pidfd_open(-1), EINVAL);
    CHECK_ERRNO(pidfd_open(getpid(), 1), EINVAL);
    CHECK_ERRNO(pidfd_open(1 << 22), ESRCH);
    const int file = abi::make_file("file", "");
    CHECK_ERRNO(send(file, 0), EBADF);
    CHECK_ERRNO(send(99, 0), EBADF);
    const int self = pidfd_open(getpid());
    CHECK_ERRNO(send(self, 65), EINVAL);
    CHECK_ERRNO(send(self, 0, nullptr, 1 << 16), EINVAL);
    CHECK_ERRNO(send(self, SIGUSR1, reinterpret_cast<siginfo_t*>(8)), EFAULT);
}

ABI_TEST(who_may_not_signal_may_not_by_a_pidfd) {
    const int init = pidfd_open(getppid());
    CHECK(init >= 0);
    abi::as_nobody([&] { CHECK_ERRNO(send(init, SIGTERM), EPERM); });
}

ABI_TEST(waitid_takes_a_pidfd) {
    const pid_t pid = fork();
    if (pid == 0) _exit(9);
    const int pidfd = pidfd_open(pid);
    siginfo_t info = {};
    CHECK_EQ(wait_on(pidfd, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 9);
    CHECK_ERRNO(wait_on(pidfd, &info, WEXITED), ECHILD);
    CHECK_ERRNO(wait_on(pidfd_open(getpid()), &info, WEXITED), ECHILD);
    CHECK_ERRNO(wait_on(-1, &info, WEXITED), EINVAL);
    CHECK_ERRNO(wait_on(99, &info, WEXITED), EBADF);
    CHECK_ERRNO(wait_on(abi::make_file("file", ""), &info, WEXITED), EBADF);
}

ABI_TEST(waitid_of_a_nonblocking_pidfd_does_not_wait) {
    const pid_t pid = start_sleeper();
    const int pidfd = pidfd_open(pid, O_NONBLOCK);
    CHECK_EQ(fcntl(pidfd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    siginfo_t info = {};
    CHECK_ERRNO(wait_on(pidfd, &info, WEXITED), EAGAIN);
    CHECK_EQ(wait_on(pidfd, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(poll_for(pidfd, 5000), POLLIN);
    CHECK_EQ(wait_on(pidfd, &info, WEXITED), 0);
    CHECK_EQ(info.si_status, SIGKILL);
}

ABI_TEST(clone_gives_a_pidfd) {
    int pidfd = -1;
    const long pid = syscall(SYS_clone, SIGCHLD | CLONE_PIDFD, 0, &pidfd, 0, 0);
    if (pid == 0) _exit(4);
    CHECK(pid > 0);
    CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    siginfo_t info = {};
    CHECK_EQ(wait_on(pidfd, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 4);
    CHECK_ERRNO(syscall(SYS_clone, SIGCHLD | CLONE_PIDFD, 0, 8, 0, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_clone, SIGCHLD | CLONE_PIDFD | CLONE_PARENT_SETTID, 0, &pidfd, 0, 0),
                EINVAL);
}

ABI_TEST(clone3_gives_a_pidfd) {
    int pidfd = -1;
    uint64_t arguments[8] = {CLONE_PIDFD, reinterpret_cast<uintptr_t>(&pidfd), 0, 0, SIGCHLD};
    const long pid = syscall(SYS_clone3, arguments, sizeof arguments);
    if (pid == 0) _exit(5);
    CHECK(pid > 0);
    CHECK_EQ(poll_for(pidfd, 5000), POLLIN);
    siginfo_t info = {};
    CHECK_EQ(wait_on(pidfd, &info, WEXITED), 0);
    CHECK_EQ(info.si_status, 5);
}

ABI_TEST(a_descriptor_of_another_process_is_taken_over) {
    int ends[2], ready[2];
    CHECK_EQ(pipe(ready), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        if (pipe(ends) != 0 || dup2(ends[1], 50) != 50) _exit(1);
        close(ends[1]);
        write(ready[1], "+", 1);
        char byte = 0;
        _exit(read(ends[0], &byte, 1) == 1 && byte == 'x' ? 0 : 2);
    }
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    const int pidfd = pidfd_open(pid);
    const int taken = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, 50, 0));
    CHECK(taken >= 0);
    CHECK_EQ(fcntl(taken, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, pidfd, 51, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, pidfd, 50, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, ready[0], 50, 0), EBADF);
    CHECK_EQ(write(taken, "x", 1), 1);
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, pidfd, 50, 0), ESRCH);
}

ABI_TEST(descriptors_of_strangers_are_not_taken_over) {
    const int parent = pidfd_open(getppid());
    abi::as_nobody([&] { CHECK_ERRNO(syscall(SYS_pidfd_getfd, parent, 0, 0), EPERM); });
}
