// What no directory names: pipes, sockets, event counters. What fstat and /proc show of them, and
// how they are opened again by /proc/self/fd.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>

#include "tests/abi/abi.h"

namespace {

struct Link {
    char text[300];
};

Link link_of(int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    Link link = {};
    CHECK(readlink(path, link.text, sizeof link.text - 1) > 0);
    return link;
}

int open_again(int fd, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, flags);
}

struct stat stat_of(int fd) {
    struct stat now;
    CHECK_EQ(fstat(fd, &now), 0);
    return now;
}

unsigned long type_of(int fd) {
    struct statfs now;
    CHECK_EQ(fstatfs(fd, &now), 0);
    return static_cast<unsigned long>(now.f_type);
}

struct Pipe {
    Pipe() { CHECK_EQ(pipe(ends), 0); }
    int ends[2];
};

}  // namespace

ABI_TEST(a_pipe_is_one_inode_with_a_number) {
    Pipe a, b;
    const struct stat one = stat_of(a.ends[0]), other = stat_of(a.ends[1]);
    CHECK_EQ(one.st_ino, other.st_ino);
    CHECK_EQ(one.st_dev, other.st_dev);
    CHECK(one.st_ino != stat_of(b.ends[0]).st_ino);
    CHECK_EQ(one.st_mode, S_IFIFO | 0600);
    CHECK_EQ(one.st_nlink, 1);
    CHECK_EQ(one.st_uid, geteuid());
    CHECK(one.st_mtime != 0);
    CHECK_EQ(type_of(a.ends[0]), 0x50495045);
    char expected[64];
    snprintf(expected, sizeof expected, "pipe:[%lu]", static_cast<unsigned long>(one.st_ino));
    CHECK_EQ(strcmp(link_of(a.ends[0]).text, expected), 0);
    CHECK_EQ(strcmp(link_of(a.ends[1]).text, expected), 0);
}

ABI_TEST(a_socket_has_a_number) {
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const struct stat one = stat_of(pair[0]);
    CHECK(one.st_ino != stat_of(pair[1]).st_ino);
    CHECK_EQ(one.st_mode, S_IFSOCK | 0777);
    CHECK_EQ(type_of(pair[0]), 0x534f434b);
    char expected[64];
    snprintf(expected, sizeof expected, "socket:[%lu]", static_cast<unsigned long>(one.st_ino));
    CHECK_EQ(strcmp(link_of(pair[0]).text, expected), 0);
    CHECK_ERRNO(open_again(pair[0], O_RDWR), ENXIO);
}

ABI_TEST(others_share_an_inode_and_are_called_by_what_they_are) {
    const int event = eventfd(0, 0), set = epoll_create1(0);
    const int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    sigset_t none;
    sigemptyset(&none);
    const int signals = signalfd(-1, &none, 0);
    CHECK_EQ(strcmp(link_of(event).text, "anon_inode:[eventfd]"), 0);
    CHECK_EQ(strcmp(link_of(set).text, "anon_inode:[eventpoll]"), 0);
    CHECK_EQ(strcmp(link_of(timer).text, "anon_inode:[timerfd]"), 0);
    CHECK_EQ(strcmp(link_of(signals).text, "anon_inode:[signalfd]"), 0);
    CHECK_EQ(stat_of(event).st_ino, stat_of(set).st_ino);
    CHECK_EQ(stat_of(event).st_mode, 0600);
    CHECK_EQ(type_of(event), 0x09041934);
    CHECK_ERRNO(open_again(event, O_RDWR), ENXIO);
}

ABI_TEST(a_pipe_opened_again_is_another_end) {
    Pipe pipe;
    const int writer = open_again(pipe.ends[0], O_WRONLY);
    CHECK(writer >= 0);
    CHECK_EQ(close(pipe.ends[1]), 0);
    CHECK_EQ(write(writer, "again", 5), 5);
    char text[16];
    CHECK_EQ(read(pipe.ends[0], text, sizeof text), 5);
    const int reader = open_again(writer, O_RDONLY | O_NONBLOCK);
    CHECK_ERRNO(read(reader, text, sizeof text), EAGAIN);
    CHECK_ERRNO(write(reader, "x", 1), EBADF);
    CHECK_EQ(stat_of(reader).st_ino, stat_of(writer).st_ino);
    CHECK_EQ(close(writer), 0);
    CHECK_EQ(read(reader, text, sizeof text), 0);
    CHECK_EQ(read(pipe.ends[0], text, sizeof text), 0);
}

ABI_TEST(a_pipe_is_opened_without_waiting_for_its_other_end) {
    Pipe pipe;
    CHECK_EQ(close(pipe.ends[0]), 0);
    const int writer = open_again(pipe.ends[1], O_WRONLY | O_NONBLOCK);
    CHECK_EQ(signal(SIGPIPE, SIG_IGN) == SIG_ERR, 0);
    CHECK_ERRNO(write(writer, "abc", 3), EPIPE);
    const int both = open_again(pipe.ends[1], O_RDWR);
    CHECK_EQ(write(both, "abc", 3), 3);
    char text[16];
    CHECK_EQ(read(both, text, sizeof text), 3);
    CHECK_EQ(write(pipe.ends[1], "d", 1), 1);
}

ABI_TEST(standard_output_opened_by_its_name) {
    Pipe pipe;
    const int status = abi::status_of([&] {
        CHECK_EQ(dup2(pipe.ends[1], 1), 1);
        const int again = open("/proc/self/fd/1", O_WRONLY | O_TRUNC | O_CREAT, 0666);
        CHECK(again >= 0);
        CHECK_EQ(write(again, "out", 3), 3);
    });
    CHECK_EQ(status, 0);
    char text[16];
    CHECK_EQ(read(pipe.ends[0], text, sizeof text), 3);
}

ABI_TEST(modes_and_owners_of_pipes_count_when_they_are_opened) {
    Pipe pipe;
    CHECK_EQ(fchmod(pipe.ends[0], 0400), 0);
    CHECK_EQ(stat_of(pipe.ends[1]).st_mode, S_IFIFO | 0400);
    if (geteuid() != 0) return;
    CHECK_EQ(fchown(pipe.ends[0], 65534, 65534), 0);
    CHECK_EQ(stat_of(pipe.ends[1]).st_uid, 65534);
    abi::as_nobody([&] {
        CHECK(fchmod(pipe.ends[0], 0200) == 0);
        // The link of a process that changed its identity is root's: only the pipe's mode is asked.
        errno = 0;
        CHECK_EQ(open_again(pipe.ends[1], O_RDONLY | O_NONBLOCK), -1);
        CHECK_EQ(errno, EACCES);
    });
}

ABI_TEST(pipes_can_be_locked) {
    Pipe pipe;
    const int again = open_again(pipe.ends[0], O_RDWR);
    CHECK_EQ(flock(pipe.ends[0], LOCK_EX), 0);
    CHECK_ERRNO(flock(again, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(flock(pipe.ends[0], LOCK_UN), 0);
    CHECK_EQ(flock(again, LOCK_EX | LOCK_NB), 0);
}

ABI_TEST(status_flags_of_what_has_no_name) {
    Pipe pipe;
    CHECK_EQ(fcntl(pipe.ends[1], F_GETFL), O_WRONLY);
    const int again = open_again(pipe.ends[0], O_RDONLY);
    constexpr int kLargeFile = 0100000;  // shown by what was opened by a name
    CHECK_EQ(fcntl(again, F_GETFL), O_RDONLY | kLargeFile);
    CHECK_EQ(fcntl(open(".", O_PATH), F_GETFL), O_PATH);
}

ABI_TEST(what_has_no_positions_is_no_source_for_sendfile) {
    Pipe pipe, to;
    off_t offset = 0;
    CHECK_EQ(write(pipe.ends[1], "abc", 3), 3);
    CHECK_ERRNO(sendfile(to.ends[1], pipe.ends[0], nullptr, 3), EINVAL);
    CHECK_ERRNO(sendfile(to.ends[1], pipe.ends[0], &offset, 3), ESPIPE);
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    const int fifo = open("fifo", O_RDWR);
    CHECK_EQ(write(fifo, "abc", 3), 3);
    CHECK_ERRNO(sendfile(to.ends[1], fifo, nullptr, 3), EINVAL);
    CHECK_ERRNO(posix_fadvise(fifo, 0, 0, 0) == ESPIPE ? (errno = ESPIPE, -1) : 0, ESPIPE);
    CHECK_EQ(posix_fadvise(eventfd(0, 0), 0, 0, 0), 0);
}

ABI_TEST(no_directory_is_found_in_what_has_no_name) {
    Pipe pipe;
    struct stat now;
    CHECK_ERRNO(fstatat(pipe.ends[0], "file", &now, 0), ENOTDIR);
    CHECK_ERRNO(fchdir(pipe.ends[0]), ENOTDIR);
    CHECK_EQ(fstatat(pipe.ends[0], "", &now, AT_EMPTY_PATH), 0);
    CHECK_EQ(now.st_ino, stat_of(pipe.ends[0]).st_ino);
    CHECK_ERRNO(fallocate(pipe.ends[1], 0, 0, 1), ESPIPE);
    CHECK_ERRNO(fallocate(eventfd(0, 0), 0, 0, 1), ENODEV);
    CHECK_ERRNO(ftruncate(pipe.ends[1], 0), EINVAL);
    CHECK_ERRNO(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, pipe.ends[0], 0) == MAP_FAILED ? -1 : 0,
                ENODEV);
}
