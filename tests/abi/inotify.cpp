// What happens to files, told to who watches them (inotify(7)).
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>

#include "tests/abi/abi.h"

namespace {

/// Reads the next event, of a descriptor that does not wait; 0 bytes: there is none.
struct Event {
    int watch = 0;
    uint32_t mask = 0, cookie = 0, name_bytes = 0;
    char name[256] = {};
};

/// All events that are there, in their order.
class Events {
  public:
    explicit Events(int fd) : fd_(fd) {}

    Event next() {
        if (at_ == size_) {
            const ssize_t got = read(fd_, bytes_, sizeof bytes_);
            size_ = got < 0 ? 0 : static_cast<size_t>(got);
            at_ = 0;
        }
        Event event;
        if (at_ == size_) return event;
        inotify_event header;
        memcpy(&header, bytes_ + at_, sizeof header);
        CHECK(header.len < sizeof event.name + 16 && header.len % 16 == 0);
        event.watch = header.wd;
        event.mask = header.mask;
        event.cookie = header.cookie;
        event.name_bytes = header.len;
        if (header.len != 0) strncpy(event.name, bytes_ + at_ + sizeof header, 255);
        at_ += sizeof header + header.len;
        return event;
    }
    /// The next event is this one; its cookie is returned.
    uint32_t expect(int watch, int mask, const char* name, int line) {
        const Event event = next();
        if (event.watch != watch || event.mask != static_cast<uint32_t>(mask) ||
            strcmp(event.name, name) != 0) {
            abi::fail(__FILE_NAME__, line, "event %d %x \"%s\", expected %d %x \"%s\"", event.watch,
                      event.mask, event.name, watch, mask, name);
        }
        return event.cookie;
    }
    /// The next two, without names, in an order that changed with versions of Linux.
    void expect_both(int watch, int mask, int other_watch, int other_mask, int line) {
        const Event first = next(), second = next();
        const auto is = [](const Event& event, int at, int what) {
            return event.watch == at && event.mask == static_cast<uint32_t>(what);
        };
        const bool one = is(first, watch, mask) && is(second, other_watch, other_mask);
        const bool other = is(second, watch, mask) && is(first, other_watch, other_mask);
        if (!one && !other)
            abi::fail(__FILE_NAME__, line, "events %d %x and %d %x", first.watch, first.mask,
                      second.watch, second.mask);
    }
    void skip() {
        while (next().mask != 0) continue;
    }

  private:
    int fd_;
    size_t at_ = 0, size_ = 0;
    alignas(8) char bytes_[8192];
};

#define EXPECT(watch, mask, name) events.expect(watch, mask, name, __LINE__)
#define EXPECT_NONE() events.expect(0, 0, "", __LINE__)

int start() {
    const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

int watch(int fd, const char* path, uint32_t mask = IN_ALL_EVENTS) {
    const int number = inotify_add_watch(fd, path, mask);
    if (number <= 0) abi::fail(__FILE_NAME__, __LINE__, "watch %s: errno %d", path, errno);
    return number;
}

void touch(const char* name) {
    CHECK_EQ(close(abi::make_file(name, "x")), 0);
}

}  // namespace

ABI_TEST(an_open_file_tells_its_directory_and_itself) {
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, ".");
    const int file = open("a", O_CREAT | O_RDWR, 0644);
    EXPECT(directory, IN_CREATE, "a");
    EXPECT(directory, IN_OPEN, "a");
    const int own = watch(fd, "a");
    CHECK_EQ(own, directory + 1);
    char byte;
    CHECK_EQ(write(file, "x", 1), 1);
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    CHECK_EQ(read(file, &byte, 1), 0);  // nothing was read: nothing happened
    CHECK_EQ(write(file, "", 0), 0);
    CHECK_EQ(close(file), 0);
    for (const int what : {IN_MODIFY, IN_ACCESS, IN_CLOSE_WRITE}) {
        EXPECT(directory, what, "a");
        EXPECT(own, what, "");
    }
    EXPECT_NONE();
}

ABI_TEST(a_file_that_was_open_before_it_was_watched_tells) {
    const int file = abi::make_file("a", "text");
    const int fd = start();
    Events events(fd);
    char byte;
    CHECK_EQ(read(file, &byte, 1), 1);
    const int directory = watch(fd, ".", IN_ACCESS | IN_CLOSE);
    CHECK_EQ(read(file, &byte, 1), 1);
    EXPECT(directory, IN_ACCESS, "a");
    CHECK_EQ(inotify_rm_watch(fd, directory), 0);
    EXPECT(directory, IN_IGNORED, "");
    CHECK_EQ(read(file, &byte, 1), 1);
    EXPECT_NONE();
    const int again = watch(fd, ".", IN_ACCESS | IN_CLOSE);
    CHECK(again != directory);
    CHECK_EQ(close(file), 0);
    EXPECT(again, IN_CLOSE_WRITE, "a");
    EXPECT_NONE();
}

ABI_TEST(a_file_that_is_moved_into_a_watched_directory_tells_there) {
    CHECK_EQ(mkdir("from", 0755) + mkdir("to", 0755), 0);
    const int file = abi::make_file("from/a", "text");
    const int fd = start();
    Events events(fd);
    const int to = watch(fd, "to");
    char byte;
    CHECK_EQ(read(file, &byte, 1), 1);
    EXPECT_NONE();
    CHECK_EQ(rename("from/a", "to/b"), 0);
    CHECK(EXPECT(to, IN_MOVED_TO, "b") != 0);
    CHECK_EQ(read(file, &byte, 1), 1);
    EXPECT(to, IN_ACCESS, "b");
    CHECK_EQ(rename("to/b", "from/a"), 0);
    EXPECT(to, IN_MOVED_FROM, "b");
    CHECK_EQ(read(file, &byte, 1), 1);
    EXPECT_NONE();
}

ABI_TEST(truncation_and_allocation_modify) {
    touch("a");
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "a");
    const int file = open("a", O_WRONLY | O_TRUNC);
    events.expect_both(own, IN_OPEN, own, IN_MODIFY, __LINE__);
    CHECK_EQ(ftruncate(file, 100), 0);
    EXPECT(own, IN_MODIFY, "");
    CHECK_EQ(posix_fallocate(file, 0, 200), 0);
    EXPECT(own, IN_MODIFY, "");
    CHECK_EQ(truncate("a", 5), 0);
    EXPECT(own, IN_MODIFY, "");
    CHECK_EQ(close(file), 0);
    EXPECT(own, IN_CLOSE_WRITE, "");
    EXPECT_NONE();
}

ABI_TEST(attributes_tell_by_what_was_changed) {
    const int file = abi::make_file("a", "x");
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, ".");
    const auto expect = [&](int mask) { EXPECT(directory, mask, "a"); };
    CHECK_EQ(chmod("a", 0600), 0);
    expect(IN_ATTRIB);
    timespec times[2] = {{1, 0}, {0, UTIME_OMIT}};
    CHECK_EQ(utimensat(AT_FDCWD, "a", times, 0), 0);
    expect(IN_ACCESS);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = 0;
    CHECK_EQ(utimensat(AT_FDCWD, "a", times, 0), 0);
    expect(IN_MODIFY);
    CHECK_EQ(utimensat(AT_FDCWD, "a", nullptr, 0), 0);
    expect(IN_ATTRIB);
    CHECK_EQ(chown("a", static_cast<uid_t>(-1), static_cast<gid_t>(-1)), 0);
    EXPECT_NONE();
    CHECK_EQ(fchmod(file, 0644), 0);
    expect(IN_ATTRIB);
    CHECK_EQ(chmod(".", 0755), 0);
    EXPECT(directory, IN_ATTRIB | IN_ISDIR, "");
    EXPECT_NONE();
}

ABI_TEST(links_change_a_file_and_its_directory) {
    touch("a");
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, ".");
    const int own = watch(fd, "a");
    CHECK_EQ(link("a", "b"), 0);
    EXPECT(own, IN_ATTRIB, "");
    EXPECT(directory, IN_CREATE, "b");
    CHECK_EQ(unlink("b"), 0);
    EXPECT(own, IN_ATTRIB, "");
    EXPECT(directory, IN_DELETE, "b");
    CHECK_EQ(unlink("a"), 0);
    EXPECT(own, IN_ATTRIB, "");
    EXPECT(own, IN_DELETE_SELF, "");
    EXPECT(own, IN_IGNORED, "");
    EXPECT(directory, IN_DELETE, "a");
    EXPECT_NONE();
    CHECK_ERRNO(inotify_rm_watch(fd, own), EINVAL);
}

ABI_TEST(a_deleted_file_is_watched_until_it_is_closed) {
    const int file = abi::make_file("a", "x");
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "a");
    CHECK_EQ(unlink("a"), 0);
    EXPECT(own, IN_ATTRIB, "");
    EXPECT_NONE();
    CHECK_EQ(write(file, "x", 1), 1);
    EXPECT(own, IN_MODIFY, "");
    CHECK_EQ(close(file), 0);
    EXPECT(own, IN_CLOSE_WRITE, "");
    EXPECT(own, IN_DELETE_SELF, "");
    EXPECT(own, IN_IGNORED, "");
    EXPECT_NONE();
}

ABI_TEST(a_rename_tells_both_directories_with_one_cookie) {
    CHECK_EQ(mkdir("from", 0755) + mkdir("to", 0755), 0);
    touch("from/a");
    const int fd = start();
    Events events(fd);
    const int from = watch(fd, "from"), to = watch(fd, "to"), own = watch(fd, "from/a");
    CHECK_EQ(rename("from/a", "to/b"), 0);
    const uint32_t first = EXPECT(from, IN_MOVED_FROM, "a");
    CHECK(first != 0);
    CHECK_EQ(EXPECT(to, IN_MOVED_TO, "b"), first);
    CHECK_EQ(EXPECT(own, IN_MOVE_SELF, ""), 0);
    CHECK_EQ(rename("to/b", "from/c"), 0);
    const uint32_t second = EXPECT(to, IN_MOVED_FROM, "b");
    CHECK(second != first);
    CHECK_EQ(EXPECT(from, IN_MOVED_TO, "c"), second);
    EXPECT(own, IN_MOVE_SELF, "");
    EXPECT_NONE();
}

ABI_TEST(what_a_rename_replaces_is_deleted) {
    touch("a");
    touch("b");
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, "."), own = watch(fd, "a"), replaced = watch(fd, "b");
    CHECK_EQ(rename("a", "b"), 0);
    EXPECT(directory, IN_MOVED_FROM, "a");
    EXPECT(directory, IN_MOVED_TO, "b");
    EXPECT(replaced, IN_ATTRIB, "");
    EXPECT(own, IN_MOVE_SELF, "");
    EXPECT(replaced, IN_DELETE_SELF, "");
    EXPECT(replaced, IN_IGNORED, "");
    EXPECT_NONE();
}

ABI_TEST(an_exchange_is_two_moves) {
    touch("a");
    CHECK_EQ(mkdir("b", 0755), 0);
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, "."), a = watch(fd, "a"), b = watch(fd, "b");
    CHECK_EQ(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2), 0);
    const uint32_t first = EXPECT(directory, IN_MOVED_FROM, "a");
    CHECK_EQ(EXPECT(directory, IN_MOVED_TO, "b"), first);
    EXPECT(a, IN_MOVE_SELF, "");
    CHECK(EXPECT(directory, IN_MOVED_FROM | IN_ISDIR, "b") != first);
    EXPECT(directory, IN_MOVED_TO | IN_ISDIR, "a");
    EXPECT(b, IN_MOVE_SELF, "");
    EXPECT_NONE();
}

ABI_TEST(a_directory_tells_of_itself) {
    const int fd = start();
    Events events(fd);
    const int above = watch(fd, ".");
    CHECK_EQ(mkdir("d", 0755), 0);
    EXPECT(above, IN_CREATE | IN_ISDIR, "d");
    const int own = watch(fd, "d");
    const int directory = open("d", O_RDONLY | O_DIRECTORY);
    char entries[512];
    CHECK(syscall(SYS_getdents64, directory, entries, sizeof entries) > 0);
    CHECK_EQ(close(directory), 0);
    for (const int what : {IN_OPEN, IN_ACCESS, IN_CLOSE_NOWRITE}) {
        EXPECT(above, what | IN_ISDIR, "d");
        EXPECT(own, what | IN_ISDIR, "");
    }
    CHECK_EQ(rmdir("d"), 0);
    EXPECT(own, IN_DELETE_SELF, "");
    EXPECT(own, IN_IGNORED, "");
    EXPECT(above, IN_DELETE | IN_ISDIR, "d");
    EXPECT_NONE();
}

ABI_TEST(names_of_other_kinds_are_told) {
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, ".");
    CHECK_EQ(symlink("nowhere", "l"), 0);
    EXPECT(directory, IN_CREATE, "l");
    CHECK_EQ(mkfifo("f", 0644), 0);
    EXPECT(directory, IN_CREATE, "f");
    const int fifo = open("f", O_RDWR);
    CHECK_EQ(write(fifo, "x", 1), 1);  // what goes through a FIFO is nobody's
    CHECK_EQ(close(fifo), 0);
    EXPECT(directory, IN_OPEN, "f");
    EXPECT(directory, IN_CLOSE_WRITE, "f");
    const int place = open("f", O_PATH);
    CHECK_EQ(close(place), 0);
    EXPECT_NONE();
}

ABI_TEST(copies_within_the_kernel_are_told) {
    const int from = abi::make_file("from", "some text");
    const int to = abi::make_file("to", "");
    const int fd = start();
    Events events(fd);
    const int a = watch(fd, "from"), b = watch(fd, "to");
    // Whether the reading is told as well, and how often, changed with versions of Linux.
    const auto is_told = [&] {
        bool modified = false;
        for (Event event = events.next(); event.mask != 0; event = events.next()) {
            CHECK(event.watch == a ? event.mask == IN_ACCESS : event.mask == IN_MODIFY);
            modified = modified || event.watch == b;
        }
        return modified;
    };
    CHECK_EQ(sendfile(to, from, nullptr, 4), 4);
    CHECK(is_told());
    CHECK_EQ(syscall(SYS_copy_file_range, from, nullptr, to, nullptr, 4, 0), 4);
    CHECK(is_told());
}

ABI_TEST(a_program_that_is_executed_is_opened_read_and_closed) {
    CHECK_EQ(close(abi::make_file("a", "#!./nothing\n")) + chmod("a", 0755), 0);
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "a");
    CHECK_ERRNO(execl("./a", "a", nullptr), ENOENT);
    EXPECT(own, IN_OPEN, "");
    EXPECT(own, IN_ACCESS, "");
    EXPECT(own, IN_CLOSE_NOWRITE, "");
    EXPECT_NONE();
}

ABI_TEST(equal_events_in_a_row_are_one) {
    const int file = abi::make_file("a", "text");
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "a");
    char byte;
    for (int i = 0; i < 3; ++i) CHECK_EQ(pread(file, &byte, 1, 0), 1);
    for (int i = 0; i < 3; ++i) CHECK_EQ(pwrite(file, "x", 1, 0), 1);
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    int ready = 0;
    CHECK_EQ(ioctl(fd, FIONREAD, &ready), 0);
    CHECK_EQ(ready, 3 * sizeof(inotify_event));
    EXPECT(own, IN_ACCESS, "");
    EXPECT(own, IN_MODIFY, "");
    EXPECT(own, IN_ACCESS, "");
    EXPECT_NONE();
}

ABI_TEST(events_are_read_whole) {
    const int fd = start();
    const int directory = watch(fd, ".", IN_CREATE);
    char bytes[64];
    CHECK_ERRNO(read(fd, bytes, 1), EAGAIN);
    touch("a");
    touch("sixteen_bytes_16");
    int ready = 0;
    CHECK_EQ(ioctl(fd, FIONREAD, &ready), 0);
    CHECK_EQ(ready, 32 + 48);
    CHECK_ERRNO(read(fd, bytes, 31), EINVAL);
    CHECK_EQ(read(fd, bytes, sizeof bytes), 32);
    inotify_event event;
    memcpy(&event, bytes, sizeof event);
    CHECK_EQ(event.wd, directory);
    CHECK_EQ(event.len, 16);
    CHECK_ERRNO(read(fd, bytes, 47), EINVAL);
    CHECK_EQ(read(fd, bytes, 48), 48);
    CHECK_EQ(memcmp(bytes + 16, "sixteen_bytes_16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32), 0);
    CHECK_ERRNO(write(fd, "x", 1), EBADF);
    touch("b");
    CHECK_ERRNO(read(fd, reinterpret_cast<void*>(8), 100), EFAULT);
}

ABI_TEST(a_queue_that_is_full_says_so_once) {
    char text[32] = {};
    const int limit = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY);
    CHECK(read(limit, text, sizeof text - 1) > 0);
    const int most = atoi(text);
    CHECK(most > 0 && most < 1 << 20);
    const int file = abi::make_file("a", "x");
    const int fd = start();
    const int own = watch(fd, "a", IN_ACCESS | IN_MODIFY);
    char byte;
    for (int i = 0; i < most; ++i) {
        CHECK_EQ(i % 2 == 0 ? pread(file, &byte, 1, 0) : pwrite(file, "x", 1, 0), 1);
    }
    int ready = 0;
    CHECK_EQ(ioctl(fd, FIONREAD, &ready), 0);
    CHECK_EQ(ready, most * 16);
    for (int i = 0; i < 4; ++i) CHECK_EQ(pread(file, &byte, 1, 0), 1);
    CHECK_EQ(ioctl(fd, FIONREAD, &ready), 0);
    CHECK_EQ(ready, (most + 1) * 16);
    Events events(fd);
    for (int i = 0; i < most; ++i) EXPECT(own, i % 2 == 0 ? IN_ACCESS : IN_MODIFY, "");
    EXPECT(-1, IN_Q_OVERFLOW, "");
    EXPECT_NONE();
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    EXPECT(own, IN_ACCESS, "");
}

ABI_TEST(a_watch_is_changed_or_added_to) {
    const int file = abi::make_file("a", "x");
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "a", IN_ACCESS);
    CHECK_EQ(watch(fd, "a", IN_MODIFY), own);
    char byte;
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    EXPECT_NONE();
    CHECK_EQ(watch(fd, "./a", IN_ACCESS | IN_MASK_ADD), own);
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    CHECK_EQ(pwrite(file, "x", 1, 0), 1);
    EXPECT(own, IN_ACCESS, "");
    EXPECT(own, IN_MODIFY, "");
    CHECK_ERRNO(inotify_add_watch(fd, "a", IN_OPEN | IN_MASK_CREATE), EEXIST);
    CHECK_ERRNO(inotify_add_watch(fd, "a", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD), EINVAL);
    CHECK_EQ(inotify_rm_watch(fd, own), 0);
    CHECK(inotify_add_watch(fd, "a", IN_OPEN | IN_MASK_CREATE) > own);
}

ABI_TEST(a_watch_may_be_for_one_event) {
    const int file = abi::make_file("a", "x");
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "a", IN_ACCESS | IN_ONESHOT);
    CHECK_EQ(pwrite(file, "x", 1, 0), 1);
    EXPECT_NONE();
    char byte;
    for (int i = 0; i < 2; ++i) CHECK_EQ(pread(file, &byte, 1, 0), 1);
    EXPECT(own, IN_ACCESS, "");
    EXPECT(own, IN_IGNORED, "");
    EXPECT_NONE();
    CHECK_ERRNO(inotify_rm_watch(fd, own), EINVAL);
}

ABI_TEST(files_without_a_name_can_be_left_out) {
    const int file = abi::make_file("a", "x");
    const int fd = start();
    Events events(fd);
    const int directory = watch(fd, ".", IN_ALL_EVENTS | IN_EXCL_UNLINK);
    CHECK_EQ(unlink("a"), 0);
    EXPECT(directory, IN_DELETE, "a");
    CHECK_EQ(write(file, "x", 1), 1);
    CHECK_EQ(fchmod(file, 0600), 0);
    CHECK_EQ(close(file), 0);
    EXPECT(directory, IN_ATTRIB, "a");
    EXPECT_NONE();
}

ABI_TEST(a_watch_follows_links_unless_told_not_to) {
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(symlink("d", "l"), 0);
    const int fd = start();
    const int own = watch(fd, "d");
    CHECK_EQ(watch(fd, "l"), own);
    CHECK(watch(fd, "l", IN_ALL_EVENTS | IN_DONT_FOLLOW) != own);
    touch("a");
    CHECK_ERRNO(inotify_add_watch(fd, "a", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    CHECK_EQ(watch(fd, "l", IN_OPEN | IN_ONLYDIR), own);
    CHECK_ERRNO(inotify_add_watch(fd, "l", IN_OPEN | IN_ONLYDIR | IN_DONT_FOLLOW), ENOTDIR);
}

ABI_TEST(bad_watches_are_refused) {
    const int fd = start();
    CHECK_ERRNO(inotify_init1(1), EINVAL);
    CHECK_ERRNO(inotify_add_watch(fd, ".", 0), EINVAL);
    CHECK_ERRNO(inotify_add_watch(fd, ".", IN_OPEN | 0x1000), EINVAL);
    CHECK_ERRNO(inotify_add_watch(99, ".", IN_OPEN), EBADF);
    CHECK_ERRNO(inotify_add_watch(99, ".", 0), EINVAL);
    const int file = abi::make_file("a", "x");
    CHECK_ERRNO(inotify_add_watch(file, ".", IN_OPEN), EINVAL);
    CHECK_ERRNO(inotify_add_watch(fd, "b", IN_OPEN), ENOENT);
    CHECK_ERRNO(inotify_add_watch(fd, "", IN_OPEN), ENOENT);
    CHECK_ERRNO(inotify_add_watch(fd, reinterpret_cast<char*>(8), IN_OPEN), EFAULT);
    CHECK_ERRNO(inotify_rm_watch(fd, 1), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(fd, -1), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(99, 1), EBADF);
    CHECK_ERRNO(inotify_rm_watch(file, 1), EINVAL);
    CHECK_EQ(chmod("a", 0200), 0);
    abi::as_nobody([fd] { CHECK_ERRNO(inotify_add_watch(fd, "a", IN_OPEN), EACCES); });
}

ABI_TEST(an_instance_is_waited_for) {
    const auto fd = static_cast<int>(syscall(SYS_inotify_init));
    CHECK(fd >= 0);
    const int directory = watch(fd, ".", IN_CREATE);
    const int set = epoll_create1(0);
    epoll_event wanted = {};
    wanted.events = EPOLLIN;
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted), 0);
    epoll_event got;
    CHECK_EQ(epoll_wait(set, &got, 1, 0), 0);
    pollfd poll_of = {.fd = fd, .events = POLLIN | POLLOUT, .revents = 0};
    CHECK_EQ(poll(&poll_of, 1, 0), 0);
    const pid_t child = fork();
    if (child == 0) {
        touch("a");
        _exit(0);
    }
    inotify_event event[4];
    CHECK_EQ(read(fd, event, sizeof event), 32);  // sleeps until the child has made it
    CHECK_EQ(event[0].wd, directory);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
    touch("b");
    CHECK_EQ(epoll_wait(set, &got, 1, 0), 1);
    CHECK_EQ(poll(&poll_of, 1, 0), 1);
    CHECK_EQ(poll_of.revents, POLLIN);
}

ABI_TEST(watches_of_what_is_unmounted_end) {
    CHECK_EQ(mkdir("m", 0755), 0);
    CHECK_EQ(mount("none", "m", "tmpfs", 0, ""), 0);
    touch("m/a");
    const int fd = start();
    Events events(fd);
    const int own = watch(fd, "m/a"), above = watch(fd, "m");
    CHECK_EQ(umount("m"), 0);
    int ended = 0;
    for (int i = 0; i < 2; ++i) {  // which of them is first is nobody's business
        const Event event = events.next();
        CHECK_EQ(event.mask & ~static_cast<uint32_t>(IN_ISDIR), IN_UNMOUNT);
        CHECK(event.watch == own || event.watch == above);
        const int number = event.watch;
        EXPECT(number, IN_IGNORED, "");
        ended += number;
    }
    CHECK_EQ(ended, own + above);
    EXPECT_NONE();
}

ABI_TEST(a_user_has_so_many_instances) {
    char text[32] = {};
    const int limit = open("/proc/sys/fs/inotify/max_user_instances", O_RDONLY);
    CHECK(read(limit, text, sizeof text - 1) > 0);
    const int most = atoi(text);
    abi::as_nobody([most] {
        int made = 0;
        while (inotify_init1(0) >= 0 && made <= most) ++made;
        CHECK_EQ(errno, EMFILE);
        CHECK(made > 0 && made <= most);
        CHECK_EQ(close(20), 0);
        CHECK_EQ(syscall(SYS_inotify_init), 20);
    });
}

ABI_TEST(proc_shows_the_watches_of_an_instance) {
    const int fd = start();
    touch("a");
    const int own = watch(fd, "a", IN_OPEN | IN_EXCL_UNLINK);
    struct stat stat;
    CHECK_EQ(lstat("a", &stat), 0);
    char path[64], text[512] = {}, expected[128];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    const int info = open(path, O_RDONLY);
    CHECK(info >= 0);
    CHECK(read(info, text, sizeof text - 1) > 0);
    snprintf(expected, sizeof expected,
             "inotify wd:%x ino:%lx sdev:%lx mask:4000020 ignored_mask:0", own, stat.st_ino,
             static_cast<unsigned long>(major(stat.st_dev) << 20 | minor(stat.st_dev)));
    CHECK(strstr(text, expected) != nullptr);
    CHECK(strstr(text, "pos:\t0\nflags:\t02004000\n") == text);
    char target[32] = {};
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK_EQ(readlink(path, target, sizeof target), 18);
    CHECK_EQ(strcmp(target, "anon_inode:inotify"), 0);
}
