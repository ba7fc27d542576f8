// Descriptors and pipes: dup, fcntl, close-on-exec, poll, select, limits.
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <termios.h>

#include "tests/abi/abi.h"

using abi::make_file;

ABI_TEST(dup_shares_the_offset) {
    const int fd = make_file("file", "abc");
    const int copy = dup(fd);
    char byte;
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(read(copy, &byte, 1), 1);
    CHECK_EQ(byte, 'b');
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(read(copy, &byte, 1), 1);
    CHECK_ERRNO(dup(-1), EBADF);
    CHECK_ERRNO(close(fd), EBADF);
}

ABI_TEST(dup2_dup3) {
    const int fd = make_file("file", "abc");
    CHECK_EQ(dup2(fd, 50), 50);
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_ERRNO(dup2(99, 99), EBADF);
    CHECK_EQ(dup3(fd, 51, O_CLOEXEC), 51);
    CHECK_EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(50, F_GETFD), 0);
    CHECK_ERRNO(syscall(SYS_dup3, fd, fd, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_dup3, fd, 52, 12345), EINVAL);
    CHECK_ERRNO(dup2(fd, -1), EBADF);
}

ABI_TEST(fcntl_flags) {
    const int fd = open("file", O_RDWR | O_CREAT | O_APPEND, 0600);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR | O_APPEND);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR | O_NONBLOCK);
    CHECK_EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_DUPFD, 60), 60);
    CHECK_EQ(fcntl(60, F_GETFD), 0);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 61);
    CHECK_EQ(fcntl(61, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(fcntl(fd, 9999), EINVAL);
    CHECK_ERRNO(fcntl(-1, F_GETFD), EBADF);
}

ABI_TEST(descriptor_limit) {
    const rlimit limit = {20, 20};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int last = -1;
    for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;) last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, 19);
    CHECK_ERRNO(dup(0), EMFILE);
    int ends[2];
    CHECK_ERRNO(pipe(ends), EMFILE);
    CHECK_EQ(close(7), 0);
    CHECK_EQ(open("/dev/null", O_RDONLY), 7);
}

ABI_TEST(pipe_carries_bytes_and_ends) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "hello", 5), 5);
    char text[16];
    CHECK_EQ(read(ends[0], text, 3), 3);
    CHECK_EQ(read(ends[0], text, sizeof text), 2);
    CHECK_EQ(close(ends[1]), 0);
    CHECK_EQ(read(ends[0], text, sizeof text), 0);
    CHECK_ERRNO(write(ends[0], "x", 1), EBADF);
}

ABI_TEST(pipe_without_reader) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(close(ends[0]), 0);
    const int status = abi::status_of([&] { (void)!write(ends[1], "x", 1); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(write(ends[1], "x", 1), EPIPE);
}

ABI_TEST(pipe_nonblocking_and_full) {
    int ends[2];
    CHECK_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    char block[4096] = {};
    CHECK_ERRNO(read(ends[0], block, 1), EAGAIN);
    long total = 0;
    for (ssize_t done; (done = write(ends[1], block, sizeof block)) > 0;) total += done;
    CHECK_EQ(errno, EAGAIN);
    CHECK(total >= 4096);
    int queued = 0;
    CHECK_EQ(ioctl(ends[0], FIONREAD, &queued), 0);
    CHECK_EQ(queued, total);
    for (ssize_t done; (done = read(ends[0], block, sizeof block)) > 0;) total -= done;
    CHECK_EQ(total, 0);
    CHECK_ERRNO(syscall(SYS_pipe2, ends, 12345), EINVAL);
}

ABI_TEST(pipe_blocks_and_keeps_order) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    constexpr unsigned kCount = 100'000;
    const pid_t writer = fork();
    if (writer == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < kCount; ++i) {
            if (write(ends[1], &i, sizeof i) != sizeof i) _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    static unsigned numbers[1000];
    unsigned expected = 0;
    size_t kept = 0;
    for (ssize_t got; (got = read(ends[0], reinterpret_cast<char*>(numbers) + kept,
                                  sizeof numbers - kept)) > 0;) {
        kept += static_cast<size_t>(got);
        for (size_t i = 0; i < kept / sizeof(unsigned); ++i) CHECK_EQ(numbers[i], expected++);
        const size_t rest = kept % sizeof(unsigned);
        memmove(numbers, reinterpret_cast<char*>(numbers) + kept - rest, rest);
        kept = rest;
    }
    CHECK_EQ(expected, kCount);
    int status;
    CHECK_EQ(waitpid(writer, &status, 0), writer);
    CHECK_EQ(status, 0);
}

ABI_TEST(pipe_small_writes_are_atomic) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    constexpr int kWriters = 4, kWrites = 200;
    constexpr size_t kSize = 1000;
    for (int w = 0; w < kWriters; ++w) {
        if (fork() != 0) continue;
        char block[kSize];
        memset(block, 'a' + w, kSize);
        for (int i = 0; i < kWrites; ++i) {
            if (write(ends[1], block, kSize) != kSize) _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    char block[kSize];
    int blocks = 0;
    for (size_t have = 0;;) {
        const ssize_t got = read(ends[0], block + have, kSize - have);
        if (got <= 0) break;
        have += static_cast<size_t>(got);
        if (have < kSize) continue;
        for (const char c : block) CHECK_EQ(c, block[0]);
        ++blocks;
        have = 0;
    }
    CHECK_EQ(blocks, kWriters * kWrites);
}

ABI_TEST(poll_tells_what_is_ready) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    pollfd fds[] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 0}, {900, POLLIN, 0}};
    CHECK_EQ(poll(fds, 3, 0), 1);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLOUT);
    CHECK_EQ(poll(fds + 3, 1, 0), 1);
    CHECK_EQ(fds[3].revents, POLLNVAL);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN);
    close(ends[1]);
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
    CHECK_EQ(poll(nullptr, 0, 20), 0);
}

ABI_TEST(poll_wakes_for_a_write) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    if (fork() == 0) {
        usleep(50'000);
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    pollfd fd = {ends[0], POLLIN, 0};
    CHECK_EQ(poll(&fd, 1, 10'000), 1);
    CHECK_EQ(fd.revents, POLLIN);
}

ABI_TEST(select_readable_and_timeout) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(ends[0], &readable);
    timeval patience = {0, 20'000};
    CHECK_EQ(select(ends[0] + 1, &readable, nullptr, nullptr, &patience), 0);
    CHECK(!FD_ISSET(ends[0], &readable));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    FD_SET(ends[0], &readable);
    CHECK_EQ(select(ends[0] + 1, &readable, nullptr, nullptr, nullptr), 1);
    CHECK(FD_ISSET(ends[0], &readable));
    FD_ZERO(&readable);
    FD_SET(50, &readable);
    CHECK_ERRNO(select(51, &readable, nullptr, nullptr, nullptr), EBADF);
}

ABI_TEST(what_is_no_terminal) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    termios settings;
    CHECK_ERRNO(tcgetattr(ends[0], &settings), ENOTTY);
    CHECK_ERRNO(tcgetattr(make_file("file", ""), &settings), ENOTTY);
    CHECK_ERRNO(ioctl(-1, TCGETS, &settings), EBADF);
    CHECK_EQ(isatty(ends[0]), 0);
}

ABI_TEST(a_pipe_s_size_can_be_changed) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(fcntl(ends[1], F_GETPIPE_SZ), 65536);
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 5000), 8192);  // rounded up
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 8192);
    CHECK_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    static char block[65536];
    CHECK_EQ(write(ends[1], block, sizeof block), 8192);
    CHECK_ERRNO(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK_EQ(read(ends[0], block, sizeof block), 8192);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 1), 4096);
    CHECK_EQ(write(ends[1], block, sizeof block), 4096);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 65536), 65536);
    CHECK_EQ(write(ends[1], block, sizeof block), 65536 - 4096);
}

ABI_TEST(only_pipes_have_a_pipe_s_size) {
    const int file = abi::make_file("file", "");
    CHECK_ERRNO(fcntl(file, F_GETPIPE_SZ), EBADF);
    CHECK_ERRNO(fcntl(file, F_SETPIPE_SZ, 4096), EBADF);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(fcntl(ends[0], F_SETPIPE_SZ, -1), EINVAL);
}

namespace {

struct Swapper {
    int only_read, writable, number;
    volatile bool over;
    static void* run(void* argument) {
        auto& self = *static_cast<Swapper*>(argument);
        while (!self.over) {
            dup2(self.only_read, self.number);
            dup2(self.writable, self.number);
        }
        return nullptr;
    }
};

}  // namespace

// While another thread changes what stands behind the number, no call takes one file and what may
// be done with the other.
ABI_TEST(rights_are_those_of_the_file_that_is_meant) {
    constexpr off_t kSize = 4096;
    CHECK_EQ(close(make_file("kept", "x")), 0);
    const int other = make_file("changed", "x");
    CHECK_EQ(truncate("kept", kSize), 0);
    Swapper swapper = {open("kept", O_RDONLY), other, dup(other), false};
    CHECK(swapper.only_read >= 0 && swapper.number >= 0);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, nullptr, Swapper::run, &swapper), 0);
    for (int i = 0; i < 20'000; ++i) {
        const int result = ftruncate(swapper.number, i % 2);
        CHECK(result == 0 || errno == EINVAL);
    }
    swapper.over = true;
    CHECK_EQ(pthread_join(thread, nullptr), 0);
    struct stat status;
    CHECK_EQ(stat("kept", &status), 0);
    CHECK_EQ(status.st_size, kSize);
}
