// open, read, write, lseek, stat and their relatives on regular files.
#include <limits.h>
#include <sys/uio.h>

#include "tests/abi/abi.h"

using abi::make_file;

ABI_TEST(open_errors) {
    CHECK_ERRNO(open("missing", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
    close(make_file("file", ""));
    CHECK_ERRNO(open("file/below", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(open(".", O_WRONLY), EISDIR);
    CHECK_ERRNO(open("file", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    char name[NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
    static char path[PATH_MAX + 1];
    memset(path, '/', sizeof path - 1);
    CHECK_ERRNO(open(path, O_RDONLY), ENAMETOOLONG);
}

ABI_TEST(open_gives_the_lowest_free_descriptor) {
    const int first = make_file("a", "");
    const int second = make_file("b", "");
    CHECK_EQ(second, first + 1);
    close(first);
    CHECK_EQ(open("b", O_RDONLY), first);
}

ABI_TEST(read_write_move_the_offset) {
    const int fd = make_file("file", "0123456789");
    char text[8] = {};
    CHECK_EQ(read(fd, text, 4), 4);
    CHECK(memcmp(text, "0123", 4) == 0);
    CHECK_EQ(write(fd, "xy", 2), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(read(fd, text, 6), 6);
    CHECK(memcmp(text, "0123xy", 6) == 0);
    CHECK_EQ(read(fd, text, 8), 4);
    CHECK_EQ(read(fd, text, 8), 0);
    CHECK_EQ(read(fd, text, 0), 0);
}

ABI_TEST(access_mode_of_a_descriptor) {
    close(make_file("file", "x"));
    char byte;
    const int reader = open("file", O_RDONLY);
    CHECK_ERRNO(write(reader, "y", 1), EBADF);
    const int writer = open("file", O_WRONLY);
    CHECK_ERRNO(read(writer, &byte, 1), EBADF);
    CHECK_ERRNO(read(-1, &byte, 1), EBADF);
    CHECK_ERRNO(read(900, &byte, 1), EBADF);
    const int directory = open(".", O_RDONLY);
    CHECK_ERRNO(read(directory, &byte, 1), EISDIR);
}

ABI_TEST(lseek_ends_holes_and_errors) {
    const int fd = make_file("file", "abc");
    CHECK_EQ(lseek(fd, 0, SEEK_END), 3);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
    CHECK_EQ(lseek(fd, 10'000, SEEK_SET), 10'000);
    CHECK_EQ(write(fd, "z", 1), 1);
    char byte = 'x';
    CHECK_EQ(pread(fd, &byte, 1, 5'000), 1);
    CHECK_EQ(byte, 0);
    CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(lseek(ends[0], 0, SEEK_SET), ESPIPE);
}

ABI_TEST(append_writes_at_the_end) {
    close(make_file("file", "abc"));
    const int fd = open("file", O_RDWR | O_APPEND);
    CHECK_EQ(write(fd, "d", 1), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(write(fd, "e", 1), 1);
    char text[5];
    CHECK_EQ(pread(fd, text, 5, 0), 5);
    CHECK(memcmp(text, "abcde", 5) == 0);
}

ABI_TEST(truncate_cuts_and_extends) {
    const int fd = make_file("file", "abcdef");
    CHECK_EQ(ftruncate(fd, 2), 0);
    CHECK_EQ(ftruncate(fd, 6), 0);
    char text[6];
    CHECK_EQ(read(fd, text, 6), 6);
    CHECK(memcmp(text, "ab\0\0\0\0", 6) == 0);
    CHECK_EQ(truncate("file", 1), 0);
    struct stat about;
    CHECK_EQ(fstat(fd, &about), 0);
    CHECK_EQ(about.st_size, 1);
    CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
    close(open("file", O_WRONLY | O_TRUNC));
    CHECK_EQ(stat("file", &about), 0);
    CHECK_EQ(about.st_size, 0);
}

ABI_TEST(pread_pwrite_leave_the_offset) {
    const int fd = make_file("file", "abcdef");
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, 3), 1);
    CHECK_EQ(byte, 'd');
    CHECK_EQ(pwrite(fd, "X", 1, 4), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_ERRNO(pread(fd, &byte, 1, -1), EINVAL);
}

ABI_TEST(readv_writev_gather_and_scatter) {
    const int fd = make_file("file", "");
    char one[] = "one", two[] = "twotwo";
    iovec out[] = {{one, 3}, {nullptr, 0}, {two, 6}};
    CHECK_EQ(writev(fd, out, 3), 9);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    char left[4], right[16];
    iovec in[] = {{left, 4}, {right, 16}};
    CHECK_EQ(readv(fd, in, 2), 9);
    CHECK(memcmp(left, "onet", 4) == 0 && memcmp(right, "wotwo", 5) == 0);
    CHECK_ERRNO(readv(fd, in, -1), EINVAL);
    CHECK_ERRNO(writev(fd, in, 1025), EINVAL);
}

ABI_TEST(stat_tells_kind_mode_size_links) {
    umask(022);
    const int fd = open("file", O_RDWR | O_CREAT, 0666);
    CHECK_EQ(write(fd, "hello", 5), 5);
    struct stat about;
    CHECK_EQ(stat("file", &about), 0);
    CHECK(S_ISREG(about.st_mode));
    CHECK_EQ(about.st_mode & 07777, 0644);
    CHECK_EQ(about.st_size, 5);
    CHECK_EQ(about.st_nlink, 1);
    struct stat same;
    CHECK_EQ(fstat(fd, &same), 0);
    CHECK(same.st_ino == about.st_ino && same.st_dev == about.st_dev);
    CHECK_EQ(stat(".", &about), 0);
    CHECK(S_ISDIR(about.st_mode));
    CHECK_EQ(stat("/dev/null", &about), 0);
    CHECK(S_ISCHR(about.st_mode));
    CHECK_ERRNO(stat("missing", &about), ENOENT);
    CHECK_ERRNO(fstat(-1, &about), EBADF);
}

ABI_TEST(unlinked_file_lives_while_open) {
    const int fd = make_file("file", "still");
    CHECK_EQ(unlink("file"), 0);
    CHECK_ERRNO(open("file", O_RDONLY), ENOENT);
    char text[5];
    CHECK_EQ(read(fd, text, 5), 5);
    struct stat about;
    CHECK_EQ(fstat(fd, &about), 0);
    CHECK_EQ(about.st_nlink, 0);
}

ABI_TEST(dev_null_and_zero) {
    const int null = open("/dev/null", O_RDWR);
    char bytes[4] = {1, 2, 3, 4};
    CHECK_EQ(write(null, bytes, 4), 4);
    CHECK_EQ(read(null, bytes, 4), 0);
    const int zero = open("/dev/zero", O_RDONLY);
    CHECK_EQ(read(zero, bytes, 4), 4);
    CHECK(memcmp(bytes, "\0\0\0\0", 4) == 0);
}

ABI_TEST(large_file_is_the_same_when_read) {
    const int fd = make_file("file", "");
    static unsigned char block[65536];
    for (unsigned i = 0; i < 64; ++i) {
        memset(block, static_cast<int>(i), sizeof block);
        CHECK_EQ(write(fd, block, sizeof block), sizeof block);
    }
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    for (unsigned i = 0; i < 64; ++i) {
        CHECK_EQ(read(fd, block, sizeof block), sizeof block);
        CHECK(block[0] == i && block[sizeof block - 1] == i);
    }
}
