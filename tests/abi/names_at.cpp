// The *at() calls on names, and their plain forms: flags, what an empty path means, what a link at
// the end does.
#include <limits.h>
#include <sys/sysmacros.h>

#include "tests/abi/abi.h"

using abi::make_file;

namespace {

constexpr int kNoReplace = 1, kExchange = 2;

long renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
    return syscall(SYS_renameat2, from_at, from, to_at, to, flags);
}

mode_t mode_of(const char* path) {
    struct stat about;
    CHECK_EQ(lstat(path, &about), 0);
    return about.st_mode;
}

int directory(const char* name) {
    CHECK_EQ(mkdir(name, 0755), 0);
    const int fd = open(name, O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0);
    return fd;
}

char content_of(const char* name) {
    char byte = '?';
    const int fd = open(name, O_RDONLY);
    CHECK_EQ(read(fd, &byte, 1), 1);
    close(fd);
    return byte;
}

}  // namespace

ABI_TEST(mkdirat_below_a_descriptor) {
    umask(022);
    const int at = directory("d");
    CHECK_EQ(mkdirat(at, "inner", 0777), 0);
    CHECK_EQ(mode_of("d/inner"), S_IFDIR | 0755);
    CHECK_EQ(mkdirat(AT_FDCWD, "d/inner/deep/", 0700), 0);  // a slash at the end is allowed
    CHECK_EQ(mode_of("d/inner/deep"), S_IFDIR | 0700);
    struct stat about;
    CHECK_EQ(stat("d", &about), 0);
    CHECK_EQ(about.st_nlink, 3);
}

ABI_TEST(mkdirat_errors) {
    const int at = directory("d");
    const int file = make_file("file", "");
    CHECK_ERRNO(mkdirat(at, "", 0755), ENOENT);
    CHECK_ERRNO(mkdirat(at, "no/x", 0755), ENOENT);
    CHECK_ERRNO(mkdirat(file, "x", 0755), ENOTDIR);
    CHECK_ERRNO(mkdirat(-5, "x", 0755), EBADF);
    CHECK_ERRNO(mkdirat(at, "..", 0755), EEXIST);
    CHECK_ERRNO(mkdirat(at, "/", 0755), EEXIST);
    CHECK_ERRNO(mkdirat(AT_FDCWD, "file", 0755), EEXIST);
    CHECK_ERRNO(mkdirat(AT_FDCWD, "file/x", 0755), ENOTDIR);
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_ERRNO(mkdirat(AT_FDCWD, "dangling", 0755), EEXIST);
}

ABI_TEST(mknod_makes_files_fifos_and_devices) {
    umask(022);
    CHECK_EQ(syscall(SYS_mknod, "plain", 0666, 0), 0);  // no type: a regular file
    CHECK_EQ(mode_of("plain"), S_IFREG | 0644);
    CHECK_EQ(syscall(SYS_mknod, "fifo", S_IFIFO | 0600, 0), 0);
    CHECK_EQ(mode_of("fifo"), S_IFIFO | 0600);
    CHECK_EQ(syscall(SYS_mknod, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
    struct stat about;
    CHECK_EQ(stat("null", &about), 0);
    CHECK(S_ISCHR(about.st_mode));
    CHECK_EQ(about.st_rdev, makedev(1, 3));
}

ABI_TEST(mknod_errors) {
    CHECK_ERRNO(syscall(SYS_mknod, "d", S_IFDIR | 0755, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_mknod, "l", S_IFLNK | 0755, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_mknod, "x", 0170000 | 0755, 0), EINVAL);
    CHECK_EQ(syscall(SYS_mknod, "plain", S_IFREG | 0644, 0), 0);
    CHECK_ERRNO(syscall(SYS_mknod, "plain", S_IFREG | 0644, 0), EEXIST);
    CHECK_ERRNO(syscall(SYS_mknod, "plain/x", S_IFREG | 0644, 0), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_mknod, "new/", S_IFREG | 0644, 0), ENOENT);
}

ABI_TEST(mknodat_below_a_descriptor) {
    const int at = directory("d");
    umask(0);
    CHECK_EQ(syscall(SYS_mknodat, at, "socket", S_IFSOCK | 0640, 0), 0);
    CHECK_EQ(mode_of("d/socket"), S_IFSOCK | 0640);
    CHECK_ERRNO(open("d/socket", O_RDWR), ENXIO);
    CHECK_ERRNO(syscall(SYS_mknodat, make_file("f", ""), "x", S_IFREG, 0), ENOTDIR);
}

ABI_TEST(mknodat_of_devices_is_for_root) {
    CHECK_EQ(chmod(".", 0777), 0);
    const int status = abi::status_of([] {
        CHECK_EQ(setuid(65534), 0);
        CHECK_EQ(syscall(SYS_mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0), 0);
        CHECK_ERRNO(syscall(SYS_mknodat, AT_FDCWD, "null", S_IFCHR | 0600, makedev(1, 3)), EPERM);
        CHECK_ERRNO(syscall(SYS_mknodat, AT_FDCWD, "disk", S_IFBLK | 0600, makedev(7, 0)), EPERM);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(fifo_joins_who_opens_it) {
    CHECK_EQ(syscall(SYS_mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0), 0);
    CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    const int status = abi::status_of([] {
        if (fork() == 0) {
            const int out = open("fifo", O_WRONLY);
            _exit(write(out, "through", 7) == 7 ? 0 : 1);
        }
        const int in = open("fifo", O_RDONLY);
        char text[16];
        CHECK_EQ(read(in, text, sizeof text), 7);
        CHECK_EQ(read(in, text, sizeof text), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(linkat_of_links) {
    close(make_file("file", "x"));
    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(linkat(AT_FDCWD, "link", AT_FDCWD, "same-link", 0), 0);
    CHECK(S_ISLNK(mode_of("same-link")));
    CHECK_EQ(linkat(AT_FDCWD, "link", AT_FDCWD, "same-file", AT_SYMLINK_FOLLOW), 0);
    CHECK(S_ISREG(mode_of("same-file")));
    struct stat about;
    CHECK_EQ(stat("file", &about), 0);
    CHECK_EQ(about.st_nlink, 2);
}

ABI_TEST(linkat_of_a_descriptor) {
    const int fd = make_file("file", "x");
    CHECK_EQ(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH), 0);
    CHECK_EQ(content_of("again"), 'x');
    CHECK_ERRNO(linkat(fd, "", AT_FDCWD, "third", 0), ENOENT);
    CHECK_EQ(unlink("file"), 0);
    CHECK_EQ(unlink("again"), 0);
    // Gone for good: nothing brings a file without names back.
    CHECK_ERRNO(linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH), ENOENT);
}

ABI_TEST(linkat_errors) {
    const int at = directory("d");
    const int fd = make_file("file", "x");
    CHECK_ERRNO(linkat(AT_FDCWD, "file", AT_FDCWD, "new", 1), EINVAL);
    CHECK_ERRNO(linkat(at, "file", AT_FDCWD, "new", 0), ENOENT);
    CHECK_ERRNO(linkat(AT_FDCWD, "file", fd, "new", 0), ENOTDIR);
    CHECK_ERRNO(linkat(AT_FDCWD, "file", 99, "new", 0), EBADF);
    CHECK_ERRNO(linkat(AT_FDCWD, "file", AT_FDCWD, "d", 0), EEXIST);
    CHECK_ERRNO(linkat(AT_FDCWD, "d", AT_FDCWD, "new", 0), EPERM);
    CHECK_ERRNO(linkat(AT_FDCWD, "file", AT_FDCWD, "/dev/new", 0), EXDEV);
    CHECK_ERRNO(syscall(SYS_link, "file", "no/new"), ENOENT);
    CHECK_ERRNO(syscall(SYS_link, "file", "file"), EEXIST);
}

ABI_TEST(symlinkat_and_readlinkat) {
    const int at = directory("d");
    CHECK_EQ(symlinkat("some/where", at, "link"), 0);
    char text[32];
    memset(text, '#', sizeof text);
    CHECK_EQ(readlinkat(at, "link", text, sizeof text), 10);
    CHECK(memcmp(text, "some/where#", 11) == 0);  // no NUL is written
    CHECK_EQ(readlinkat(at, "link", text, 4), 4);
    CHECK_EQ(syscall(SYS_readlink, "d/link", text, sizeof text), 10);
    const int link = openat(at, "link", O_PATH | O_NOFOLLOW);
    CHECK(link >= 0);
    CHECK_EQ(readlinkat(link, "", text, sizeof text), 10);
}

ABI_TEST(symlinkat_and_readlinkat_errors) {
    const int at = directory("d");
    const int file = make_file("file", "");
    char text[8];
    CHECK_ERRNO(symlinkat("", at, "link"), ENOENT);
    CHECK_ERRNO(symlinkat("x", at, ""), ENOENT);
    CHECK_ERRNO(symlinkat("x", file, "link"), ENOTDIR);
    CHECK_ERRNO(symlinkat("x", AT_FDCWD, "file"), EEXIST);
    CHECK_ERRNO(symlinkat("x", AT_FDCWD, "new/"), ENOENT);
    CHECK_ERRNO(readlinkat(AT_FDCWD, "file", text, sizeof text), EINVAL);
    CHECK_ERRNO(readlinkat(AT_FDCWD, "none", text, sizeof text), ENOENT);
    CHECK_ERRNO(readlinkat(file, "x", text, sizeof text), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_readlinkat, at, "link", text, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_readlink, "d", text, -1), EINVAL);
}

ABI_TEST(too_many_links_in_a_row) {
    close(make_file("l0", "x"));
    char from[8], to[8];
    for (int i = 1; i <= 41; ++i) {
        snprintf(from, sizeof from, "l%d", i - 1);
        snprintf(to, sizeof to, "l%d", i);
        CHECK_EQ(symlinkat(from, AT_FDCWD, to), 0);
    }
    CHECK_EQ(access("l40", F_OK), 0);
    CHECK_ERRNO(access("l41", F_OK), ELOOP);
}

ABI_TEST(unlinkat_files_and_directories) {
    const int at = directory("d");
    close(make_file("d/file", ""));
    CHECK_EQ(mkdirat(at, "inner", 0755), 0);
    CHECK_ERRNO(unlinkat(at, "inner", 0), EISDIR);
    CHECK_ERRNO(unlinkat(at, "file", AT_REMOVEDIR), ENOTDIR);
    CHECK_ERRNO(unlinkat(at, "", 0), ENOENT);
    CHECK_ERRNO(unlinkat(at, ".", AT_REMOVEDIR), EINVAL);
    CHECK_ERRNO(unlinkat(at, "inner/..", AT_REMOVEDIR), ENOTEMPTY);
    CHECK_ERRNO(unlinkat(AT_FDCWD, "/", AT_REMOVEDIR), EBUSY);
    CHECK_ERRNO(unlinkat(at, "file/", 0), ENOTDIR);
    CHECK_EQ(unlinkat(at, "inner/", AT_REMOVEDIR), 0);
    CHECK_EQ(unlinkat(at, "file", 0), 0);
    CHECK_EQ(syscall(SYS_rmdir, "d"), 0);
    CHECK_ERRNO(openat(at, "x", O_CREAT | O_WRONLY, 0600), ENOENT);  // nothing below a removed one
}

ABI_TEST(sticky_directory_protects_names) {
    CHECK_EQ(chmod(".", 01777), 0);
    close(make_file("roots", ""));
    CHECK_EQ(mkdir("roots-dir", 0755), 0);
    const int status = abi::status_of([] {
        CHECK_EQ(setuid(65534), 0);
        CHECK_ERRNO(unlinkat(AT_FDCWD, "roots", 0), EPERM);
        CHECK_ERRNO(syscall(SYS_rmdir, "roots-dir"), EPERM);
        CHECK_ERRNO(renameat2(AT_FDCWD, "roots", AT_FDCWD, "mine", 0), EPERM);
        close(make_file("mine", ""));
        CHECK_EQ(unlinkat(AT_FDCWD, "mine", 0), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(renameat_between_directories) {
    const int a = directory("a"), b = directory("b");
    close(make_file("a/file", "A"));
    CHECK_EQ(syscall(SYS_renameat, a, "file", b, "moved"), 0);
    CHECK_EQ(content_of("b/moved"), 'A');
    CHECK_EQ(mkdirat(a, "inner", 0755), 0);
    CHECK_EQ(syscall(SYS_renameat, a, "inner", b, "inner"), 0);
    const int inner = open("b/inner", O_RDONLY | O_DIRECTORY);
    struct stat up, parent;
    CHECK_EQ(fstatat(inner, "..", &up, 0), 0);
    CHECK_EQ(stat("b", &parent), 0);
    CHECK_EQ(up.st_ino, parent.st_ino);
    CHECK_EQ(parent.st_nlink, 3);
    CHECK_ERRNO(syscall(SYS_renameat, b, "inner/.", b, "x"), EBUSY);
    CHECK_ERRNO(syscall(SYS_renameat, b, "", b, "x"), ENOENT);
    CHECK_ERRNO(syscall(SYS_renameat, 99, "x", b, "x"), EBADF);
}

ABI_TEST(renameat2_without_replacing) {
    close(make_file("a", "A"));
    close(make_file("b", "B"));
    CHECK_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", kNoReplace), EEXIST);
    CHECK_EQ(content_of("b"), 'B');
    CHECK_EQ(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", kNoReplace), 0);
    CHECK_EQ(content_of("c"), 'A');
    CHECK_ERRNO(renameat2(AT_FDCWD, "c", AT_FDCWD, "c", kNoReplace), EEXIST);
}

ABI_TEST(renameat2_exchanges) {
    close(make_file("a", "A"));
    CHECK_EQ(mkdir("d", 0755), 0);
    close(make_file("d/inner", "I"));
    CHECK_EQ(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", kExchange), 0);
    CHECK_EQ(content_of("d"), 'A');
    CHECK_EQ(content_of("a/inner"), 'I');
    CHECK_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "none", kExchange), ENOENT);
    CHECK_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "a/inner", kExchange), EINVAL);
    CHECK_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", kExchange | kNoReplace), EINVAL);
    CHECK_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", 64), EINVAL);
}

ABI_TEST(rename_of_two_names_of_one_file) {
    close(make_file("a", "A"));
    CHECK_EQ(link("a", "b"), 0);
    CHECK_EQ(syscall(SYS_rename, "a", "b"), 0);  // does nothing (rename(2))
    CHECK_EQ(access("a", F_OK), 0);
    CHECK_EQ(access("b", F_OK), 0);
    CHECK_ERRNO(syscall(SYS_rename, "a", "b/"), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_rename, "a/", "c"), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_rename, ".", "c"), EBUSY);
}

ABI_TEST(openat_create_flags) {
    umask(0);
    const int at = directory("d");
    const int fd = openat(at, "f", O_CREAT | O_EXCL | O_RDWR, 0640);
    CHECK(fd >= 0);
    CHECK_EQ(mode_of("d/f"), S_IFREG | 0640);
    CHECK_ERRNO(openat(at, "f", O_CREAT | O_EXCL | O_RDWR, 0640), EEXIST);
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_ERRNO(openat(AT_FDCWD, "dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    CHECK(openat(AT_FDCWD, "dangling", O_CREAT | O_WRONLY, 0600) >= 0);  // makes the target
    CHECK_EQ(access("nowhere", F_OK), 0);
    CHECK_ERRNO(openat(AT_FDCWD, "d", O_CREAT | O_RDONLY, 0600), EISDIR);
    CHECK_ERRNO(openat(AT_FDCWD, "new/", O_CREAT | O_WRONLY, 0600), EISDIR);
    CHECK_ERRNO(openat(AT_FDCWD, "d/f/", O_RDONLY), ENOTDIR);
    // A file made without write permission is written by who made it.
    const int made = openat(AT_FDCWD, "readonly", O_CREAT | O_WRONLY, 0444);
    CHECK_EQ(write(made, "x", 1), 1);
}

ABI_TEST(open_of_a_path_only) {
    close(make_file("file", "x"));
    const int fd = open("file", O_PATH);
    CHECK(fd >= 0);
    char byte;
    CHECK_ERRNO(read(fd, &byte, 1), EBADF);
    CHECK_ERRNO(syscall(SYS_fchmod, fd, 0600), EBADF);
    CHECK_ERRNO(ftruncate(fd, 0), EBADF);
    struct stat about;
    CHECK_EQ(fstat(fd, &about), 0);
    CHECK_EQ(about.st_size, 1);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
    CHECK_EQ(symlink("file", "link"), 0);
    const int link = open("link", O_PATH | O_NOFOLLOW);
    CHECK_EQ(fstat(link, &about), 0);
    CHECK(S_ISLNK(about.st_mode));
}

ABI_TEST(creat_truncates) {
    close(make_file("file", "long content"));
    const int fd = static_cast<int>(syscall(SYS_creat, "file", 0600));
    CHECK(fd >= 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    struct stat about;
    CHECK_EQ(fstat(fd, &about), 0);
    CHECK_EQ(about.st_size, 0);
    CHECK_EQ(about.st_mode & 07777, 0644);  // it was there: the mode is not looked at
}

ABI_TEST(creat_errors) {
    CHECK_ERRNO(syscall(SYS_creat, ".", 0600), EISDIR);
    CHECK_ERRNO(syscall(SYS_creat, "none/x", 0600), ENOENT);
    CHECK_ERRNO(syscall(SYS_creat, "", 0600), ENOENT);
    char name[NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK_ERRNO(syscall(SYS_creat, name, 0600), ENAMETOOLONG);
    name[NAME_MAX] = '\0';
    CHECK(syscall(SYS_creat, name, 0600) >= 0);
}

ABI_TEST(working_directory_removed_below) {
    CHECK_EQ(mkdir("d", 0755), 0);
    const int up = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(syscall(SYS_chdir, "d"), 0);
    CHECK_EQ(rmdir("../d"), 0);
    char text[256];
    CHECK_ERRNO(syscall(SYS_getcwd, text, sizeof text), ENOENT);
    CHECK_ERRNO(mkdir("x", 0755), ENOENT);
    CHECK_EQ(access(".", F_OK), 0);
    CHECK_ERRNO(access("x", F_OK), ENOENT);
    CHECK_EQ(syscall(SYS_fchdir, up), 0);
    const long size = syscall(SYS_getcwd, text, sizeof text);
    CHECK_EQ(size, strlen(text) + 1);
}

ABI_TEST(chdir_errors) {
    const int file = make_file("file", "");
    CHECK_ERRNO(syscall(SYS_fchdir, file), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_fchdir, 99), EBADF);
    CHECK_ERRNO(syscall(SYS_chdir, ""), ENOENT);
    CHECK_ERRNO(syscall(SYS_chdir, "file/."), ENOTDIR);
    CHECK_EQ(mkdir("closed", 0), 0);
    const int closed = open("closed", O_RDONLY);
    const int status = abi::status_of([&] {
        CHECK_EQ(setuid(65534), 0);
        CHECK_ERRNO(syscall(SYS_chdir, "closed"), EACCES);
        CHECK_ERRNO(syscall(SYS_fchdir, closed), EACCES);
    });
    CHECK_EQ(status, 0);
}
