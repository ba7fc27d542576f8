// Locks of files: flock(2), and fcntl(2)'s of processes and of open file descriptions.
#include <pthread.h>
#include <sys/file.h>
#include <sys/sysmacros.h>

#include "tests/abi/abi.h"

using abi::make_file;

/// Says that it runs, and waits for its end.
int helper_main(int, char**) {
    if (write(STDOUT_FILENO, "", 1) != 1) return 1;
    for (;;) pause();
}

namespace {

struct flock range(short type, off_t start, off_t length) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = length;
    return lock;
}

int lock(int fd, int command, short type, off_t start, off_t length) {
    struct flock what = range(type, start, length);
    return fcntl(fd, command, &what);
}

/// What another process learns of the first lock in [start, start + length).
void check_seen(int fd, off_t start, off_t length, short type, off_t first, off_t bytes) {
    const pid_t owner = getpid();
    const int status = abi::status_of([&] {
        struct flock what = range(F_WRLCK, start, length);
        CHECK_EQ(fcntl(fd, F_GETLK, &what), 0);
        CHECK_EQ(what.l_type, type);
        if (type == F_UNLCK) return;
        CHECK_EQ(what.l_pid, owner);
        CHECK_EQ(what.l_whence, SEEK_SET);
        CHECK_EQ(what.l_start, first);
        CHECK_EQ(what.l_len, bytes);
    });
    CHECK_EQ(status, 0);
}

/// A child that does `first`, tells that it has, and does `then` once it is told to.
struct Other {
    pid_t pid;
    int to, from;

    template <typename First, typename Then>
    Other(First first, Then then) {
        int up[2], down[2];
        CHECK_EQ(pipe(up), 0);
        CHECK_EQ(pipe(down), 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            char byte = 0;
            close(up[0]);
            close(down[1]);
            first();
            CHECK_EQ(write(up[1], &byte, 1), 1);
            CHECK_EQ(read(down[0], &byte, 1), 1);
            then();
            _exit(0);
        }
        close(up[1]);
        close(down[0]);
        to = down[1];
        from = up[0];
        char byte;
        CHECK_EQ(read(from, &byte, 1), 1);
    }
    void go_on() const { CHECK_EQ(write(to, "", 1), 1); }
    void wait() const {
        int status;
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
    }
};

void no_op(int) {}

}  // namespace

ABI_TEST(flock_is_of_the_open_description) {
    const int a = make_file("file", ""), b = open("file", O_RDONLY), c = dup(a);
    CHECK_EQ(flock(a, LOCK_EX), 0);
    CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(flock(c, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(flock(c, LOCK_UN), 0);
    CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
    CHECK_EQ(flock(a, LOCK_SH | LOCK_NB), 0);
    CHECK_EQ(flock(b, LOCK_UN), 0);
    CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
    close(a);
    CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);  // c has it as well
    close(c);
    CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
}

ABI_TEST(flock_is_shared_with_children_until_all_have_closed) {
    const int a = make_file("file", ""), b = open("file", O_RDONLY);
    CHECK_EQ(flock(a, LOCK_EX), 0);
    const Other child([] {}, [] {});
    close(a);
    CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    child.go_on();
    CHECK_EQ(flock(b, LOCK_SH), 0);  // waits for its end
    child.wait();
}

ABI_TEST(flock_waits_and_is_interrupted) {
    const int a = make_file("file", "");
    CHECK_EQ(flock(a, LOCK_EX), 0);
    const int b = open("file", O_RDONLY);
    struct sigaction action = {};
    action.sa_handler = no_op;
    CHECK_EQ(sigaction(SIGALRM, &action, nullptr), 0);
    ualarm(50'000, 50'000);
    CHECK_ERRNO(flock(b, LOCK_EX), EINTR);
    ualarm(0, 0);
}

// A lock for another mode gives back the one that it had, whether it comes or not.
ABI_TEST(flock_upgrade_that_fails_loses_the_lock) {
    const int a = make_file("file", ""), b = open("file", O_RDONLY), c = open("file", O_RDONLY);
    CHECK_EQ(flock(a, LOCK_SH), 0);
    CHECK_EQ(flock(b, LOCK_SH), 0);
    CHECK_ERRNO(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
    CHECK_ERRNO(flock(c, LOCK_SH | LOCK_NB), EWOULDBLOCK);
}

ABI_TEST(flock_errors) {
    const int fd = make_file("file", "");
    CHECK_ERRNO(flock(fd, 0), EINVAL);
    CHECK_ERRNO(flock(fd, LOCK_SH | LOCK_EX), EINVAL);
    CHECK_ERRNO(flock(-1, LOCK_SH), EBADF);
    CHECK_ERRNO(flock(open("file", O_PATH), LOCK_SH), EBADF);
    CHECK_EQ(flock(fd, LOCK_UN), 0);
}

ABI_TEST(record_locks_keep_other_processes_out) {
    const int fd = make_file("file", "0123456789");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 2, 4), 0);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 100), 0);  // its own are not in the way
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 100), 0);
    CHECK_EQ(lock(fd, F_SETLK, F_RDLCK, 2, 4), 0);
    const int status = abi::status_of([&] {
        CHECK_ERRNO(lock(fd, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
        CHECK_EQ(lock(fd, F_SETLK, F_RDLCK, 0, 0), 0);
        CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 6, 1), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(record_locks_split_and_join) {
    const int fd = make_file("file", "");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 10, 30), 0);
    check_seen(fd, 0, 0, F_WRLCK, 10, 30);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 20, 5), 0);
    check_seen(fd, 0, 0, F_WRLCK, 10, 10);
    check_seen(fd, 20, 5, F_UNLCK, 0, 0);
    check_seen(fd, 20, 6, F_WRLCK, 25, 15);
    CHECK_EQ(lock(fd, F_SETLK, F_RDLCK, 30, 2), 0);
    check_seen(fd, 31, 1, F_RDLCK, 30, 2);
    check_seen(fd, 35, 1, F_WRLCK, 32, 8);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 20, 0), 0);
    check_seen(fd, 1000, 1, F_WRLCK, 10, 0);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    check_seen(fd, 0, 0, F_UNLCK, 0, 0);
}

ABI_TEST(record_locks_begin_where_whence_says) {
    const int fd = make_file("file", "0123456789");
    CHECK_EQ(lseek(fd, 4, SEEK_SET), 4);
    struct flock what = range(F_WRLCK, 1, 2);
    what.l_whence = SEEK_CUR;
    CHECK_EQ(fcntl(fd, F_SETLK, &what), 0);
    check_seen(fd, 0, 0, F_WRLCK, 5, 2);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    what = range(F_WRLCK, 0, -3);
    what.l_whence = SEEK_END;
    CHECK_EQ(fcntl(fd, F_SETLK, &what), 0);
    check_seen(fd, 0, 0, F_WRLCK, 7, 3);
}

ABI_TEST(record_locks_go_with_any_descriptor_of_the_file) {
    const int fd = make_file("file", ""), other = open("file", O_RDONLY);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 0), 0);
    close(other);
    check_seen(fd, 0, 0, F_UNLCK, 0, 0);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 0), 0);
    close(dup(fd));
    check_seen(fd, 0, 0, F_UNLCK, 0, 0);
}

ABI_TEST(record_locks_go_with_a_descriptor_that_is_replaced) {
    const int fd = make_file("file", ""), other = open("file", O_RDONLY);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 0), 0);
    CHECK_EQ(dup2(open("/dev/null", O_RDONLY), other), other);
    check_seen(fd, 0, 0, F_UNLCK, 0, 0);
}

ABI_TEST(record_locks_are_not_the_childs) {
    const int fd = make_file("file", "");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    const int status = abi::status_of([&] {
        CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, 0, 1), EAGAIN);
        CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 1), 0);
        close(fd);
    });
    CHECK_EQ(status, 0);
    check_seen(fd, 0, 0, F_WRLCK, 0, 1);
}

ABI_TEST(locks_of_a_file_stay_when_its_name_goes) {
    const int fd = make_file("file", ""), same = open("file", O_RDWR);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    CHECK_EQ(unlink("file"), 0);
    const int another = make_file("file", "");
    CHECK_EQ(flock(another, LOCK_EX | LOCK_NB), 0);
    CHECK_ERRNO(flock(same, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    check_seen(fd, 0, 0, F_WRLCK, 0, 1);
    check_seen(another, 0, 0, F_UNLCK, 0, 0);
}

ABI_TEST(record_locks_are_shared_by_threads) {
    const int fd = make_file("file", "");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 10), 0);
    pthread_t thread;
    const auto run = [](void* at) -> void* {
        const int same = *static_cast<const int*>(at);
        CHECK_EQ(lock(same, F_SETLK, F_RDLCK, 0, 5), 0);
        CHECK_EQ(lock(same, F_SETLK, F_WRLCK, 20, 1), 0);
        return nullptr;
    };
    int argument = fd;
    CHECK_EQ(pthread_create(&thread, nullptr, run, &argument), 0);
    CHECK_EQ(pthread_join(thread, nullptr), 0);
    check_seen(fd, 0, 0, F_RDLCK, 0, 5);
    check_seen(fd, 10, 0, F_WRLCK, 20, 1);  // the thread's end is not the process's
}

ABI_TEST(many_record_locks_come_and_go) {
    const int fd = make_file("file", "");
    for (off_t at = 0; at < 1000; ++at) CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 2 * at, 1), 0);
    check_seen(fd, 999, 0, F_WRLCK, 1000, 1);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 1, 1996), 0);  // joins all but the last
    check_seen(fd, 0, 0, F_WRLCK, 0, 1997);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    check_seen(fd, 0, 0, F_UNLCK, 0, 0);
}

ABI_TEST(record_locks_end_with_the_process) {
    const int fd = make_file("file", "");
    const Other child([&] { CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0); }, [] {});
    CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, 0, 1), EAGAIN);
    child.go_on();
    CHECK_EQ(lock(fd, F_SETLKW, F_RDLCK, 0, 1), 0);
    child.wait();
}

ABI_TEST(record_locks_stay_over_exec) {
    const int fd = make_file("file", "");
    int said[2];
    CHECK_EQ(pipe(said), 0);
    const pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
        dup2(said[1], STDOUT_FILENO);
        execl(abi::program, abi::program, "--helper", static_cast<char*>(nullptr));
        _exit(1);
    }
    char byte;
    CHECK_EQ(read(said[0], &byte, 1), 1);  // the new program runs
    CHECK_ERRNO(lock(fd, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, 0, 1), 0);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
}

ABI_TEST(waiting_for_a_record_lock_is_interrupted) {
    const int fd = make_file("file", "");
    const Other child([&] { CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0); }, [] {});
    struct sigaction action = {};
    action.sa_handler = no_op;
    CHECK_EQ(sigaction(SIGALRM, &action, nullptr), 0);
    ualarm(50'000, 50'000);
    CHECK_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 0, 1), EINTR);
    ualarm(0, 0);
    child.go_on();
    child.wait();
}

ABI_TEST(two_that_wait_for_each_other_are_told) {
    const int fd = make_file("file", "");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    const Other child([&] { CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 1, 1), 0); },
                      [&] { CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, 0, 1), 0); });
    child.go_on();
    usleep(100'000);
    CHECK_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    child.wait();
}

// It gives back what the other waits for and, before that one has run, waits for the other.
ABI_TEST(who_unlocks_and_then_waits_is_in_no_circle) {
    const int fd = make_file("file", "");
    for (int round = 0; round < 20; ++round) {
        CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
        const Other child([&] { CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 1, 1), 0); },
                          [&] { CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, 0, 1), 0); });
        child.go_on();
        usleep(10'000);
        CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 1), 0);
        CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, 1, 1), 0);
        child.wait();
        CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    }
}

ABI_TEST(three_that_wait_in_a_circle_are_told) {
    const int fd = make_file("file", "");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    const auto hold = [&](off_t at) {
        return [fd, at] { CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, at, 1), 0); };
    };
    const auto want = [&](off_t at) {
        return [fd, at] { CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, at, 1), 0); };
    };
    const Other second(hold(1), want(0)), third(hold(2), want(1));
    second.go_on();
    usleep(50'000);
    third.go_on();
    usleep(100'000);
    CHECK_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 2, 1), EDEADLK);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    second.wait();
    third.wait();
}

ABI_TEST(record_lock_errors) {
    const int fd = make_file("file", ""), reading = open("file", O_RDONLY),
              writing = open("file", O_WRONLY);
    CHECK_ERRNO(lock(-1, F_SETLK, F_RDLCK, 0, 1), EBADF);
    CHECK_ERRNO(lock(reading, F_SETLK, F_WRLCK, 0, 1), EBADF);
    CHECK_ERRNO(lock(writing, F_SETLK, F_RDLCK, 0, 1), EBADF);
    CHECK_ERRNO(lock(open("file", O_PATH), F_SETLK, F_UNLCK, 0, 1), EBADF);
    CHECK_ERRNO(lock(fd, F_SETLK, 7, 0, 1), EINVAL);
    CHECK_ERRNO(lock(fd, F_GETLK, F_UNLCK, 0, 1), EINVAL);
    CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, -1, 1), EINVAL);
    CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, 5, -6), EINVAL);
    CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, INT64_MAX, 2), EOVERFLOW);
    struct flock what = range(F_RDLCK, 0, 1);
    what.l_whence = 3;
    CHECK_ERRNO(fcntl(fd, F_SETLK, &what), EINVAL);
    CHECK_ERRNO(fcntl(fd, F_SETLK, nullptr), EFAULT);
}

ABI_TEST(open_description_locks_exclude_within_a_process) {
    const int a = make_file("file", ""), b = open("file", O_RDWR), c = dup(a);
    CHECK_EQ(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
    CHECK_ERRNO(lock(b, F_OFD_SETLK, F_RDLCK, 9, 1), EAGAIN);
    CHECK_ERRNO(lock(b, F_SETLK, F_RDLCK, 9, 1), EAGAIN);
    CHECK_EQ(lock(b, F_OFD_SETLK, F_WRLCK, 10, 1), 0);
    struct flock what = range(F_WRLCK, 0, 0);
    CHECK_EQ(fcntl(b, F_OFD_GETLK, &what), 0);
    CHECK(what.l_type == F_WRLCK && what.l_pid == -1 && what.l_start == 0 && what.l_len == 10);
    close(a);
    CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
    close(c);
    CHECK_EQ(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1), 0);
}

ABI_TEST(open_description_locks_are_waited_for) {
    const int a = make_file("file", "");
    const Other child([] {},
                      [] {
                          const int b = open("file", O_RDWR);
                          CHECK_EQ(lock(b, F_OFD_SETLKW, F_WRLCK, 0, 0), 0);
                      });
    CHECK_EQ(lock(a, F_OFD_SETLK, F_WRLCK, 3, 1), 0);
    child.go_on();
    usleep(50'000);
    CHECK_EQ(waitpid(child.pid, nullptr, WNOHANG), 0);
    // The child has the description as well: closing ours is not enough.
    CHECK_EQ(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0), 0);
    child.wait();
    struct flock what = range(F_WRLCK, 0, 1);
    what.l_pid = 1;
    CHECK_ERRNO(fcntl(a, F_OFD_SETLK, &what), EINVAL);
}

namespace {

/// Whether /proc/locks says of the file of `fd`: `what` of a process, on those bytes.
bool is_listed(int fd, const char* what, pid_t pid, const char* bytes) {
    static char text[1 << 16];
    char line[160];
    struct stat of = {};
    CHECK_EQ(fstat(fd, &of), 0);
    snprintf(line, sizeof line, ": %s %d %02x:%02x:%lu %s\n", what, pid, major(of.st_dev),
             minor(of.st_dev), of.st_ino, bytes);
    const int list = open("/proc/locks", O_RDONLY);
    CHECK(list >= 0);
    size_t size = 0;
    for (ssize_t got; (got = read(list, text + size, sizeof text - 1 - size)) > 0;)
        size += static_cast<size_t>(got);
    close(list);
    text[size] = 0;
    return strstr(text, line) != nullptr;
}

}  // namespace

ABI_TEST(proc_locks_lists_locks_of_each_kind) {
    const int fd = make_file("file", "0123456789");
    const pid_t self = getpid();
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 2, 5), 0);
    CHECK(is_listed(fd, "POSIX  ADVISORY  WRITE", self, "2 6"));
    CHECK_EQ(lock(fd, F_SETLK, F_RDLCK, 4, 0), 0);
    CHECK(is_listed(fd, "POSIX  ADVISORY  WRITE", self, "2 3"));
    CHECK(is_listed(fd, "POSIX  ADVISORY  READ", self, "4 EOF"));
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    CHECK(!is_listed(fd, "POSIX  ADVISORY  WRITE", self, "2 3"));
    CHECK_EQ(flock(fd, LOCK_SH), 0);
    CHECK(is_listed(fd, "FLOCK  ADVISORY  READ", self, "0 EOF"));
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    CHECK(is_listed(fd, "FLOCK  ADVISORY  WRITE", self, "0 EOF"));
    CHECK_EQ(flock(fd, LOCK_UN), 0);
    CHECK(!is_listed(fd, "FLOCK  ADVISORY  WRITE", self, "0 EOF"));
    CHECK_EQ(lock(fd, F_OFD_SETLK, F_RDLCK, 0, 1), 0);
    CHECK(is_listed(fd, "OFDLCK ADVISORY  READ", -1, "0 0"));
    const int again = open("file", O_RDONLY);
    CHECK_EQ(close(fd), 0);
    CHECK(!is_listed(again, "OFDLCK ADVISORY  READ", -1, "0 0"));
}

ABI_TEST(proc_locks_lists_who_waits) {
    const int fd = make_file("file", "0123456789");
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 4), 0);
    const pid_t waiter = fork();
    if (waiter == 0) _exit(lock(fd, F_SETLKW, F_RDLCK, 3, 2) == 0 ? 0 : 1);
    while (!is_listed(fd, "-> POSIX  ADVISORY  READ", waiter, "3 4")) usleep(1000);
    CHECK(is_listed(fd, "POSIX  ADVISORY  WRITE", getpid(), "0 3"));
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    int status = -1;
    CHECK_EQ(waitpid(waiter, &status, 0), waiter);
    CHECK_EQ(status, 0);
    CHECK(!is_listed(fd, "-> POSIX  ADVISORY  READ", waiter, "3 4"));
}
