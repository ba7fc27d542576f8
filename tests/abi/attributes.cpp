// What is known of files and who may change it: modes, owners, times, sizes, access, statx, statfs.
#include <limits.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <time.h>

#include "tests/abi/abi.h"

using abi::make_file;

using abi::as_nobody;

namespace {

constexpr uid_t kKeep = static_cast<uid_t>(-1);

struct stat stat_of(const char* path) {
    struct stat about = {};
    CHECK_EQ(lstat(path, &about), 0);
    return about;
}

mode_t bits_of(const char* path) {
    return stat_of(path).st_mode & 07777;
}

/// struct statx, as far as it is looked at.
struct Statx {
    uint32_t mask, block_bytes;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, pad;
    uint64_t inode, size, blocks, attributes_mask;
    uint64_t rest[24];
};

}  // namespace

ABI_TEST(fchmod_and_fchmodat) {
    const int fd = make_file("file", "");
    CHECK_EQ(fchmod(fd, 04751), 0);
    CHECK_EQ(bits_of("file"), 04751);
    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(syscall(SYS_fchmodat, AT_FDCWD, "link", 0600), 0);  // follows
    CHECK_EQ(bits_of("file"), 0600);
    CHECK_EQ(syscall(SYS_fchmodat, AT_FDCWD, "file", 0170000 | 0640), 0);  // only mode bits count
    CHECK_EQ(stat_of("file").st_mode, S_IFREG | 0640);
}

ABI_TEST(fchmod_and_fchmodat_errors) {
    const int fd = make_file("file", "");
    CHECK_ERRNO(fchmod(99, 0600), EBADF);
    CHECK_ERRNO(syscall(SYS_fchmodat, 99, "file", 0600), EBADF);
    CHECK_ERRNO(syscall(SYS_fchmodat, fd, "file", 0600), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_fchmodat, AT_FDCWD, "", 0600), ENOENT);
    as_nobody([&] {
        CHECK_ERRNO(fchmod(fd, 0777), EPERM);
        CHECK_ERRNO(syscall(SYS_fchmodat, AT_FDCWD, "file", 0777), EPERM);
    });
}

ABI_TEST(chown_in_its_four_forms) {
    const int fd = make_file("file", "");
    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(syscall(SYS_chown, "link", 11, 12), 0);
    CHECK(stat_of("file").st_uid == 11 && stat_of("file").st_gid == 12);
    CHECK_EQ(stat_of("link").st_uid, 0);
    CHECK_EQ(syscall(SYS_lchown, "link", 13, -1), 0);
    CHECK(stat_of("link").st_uid == 13 && stat_of("link").st_gid == 0);
    CHECK_EQ(fchown(fd, kKeep, 14), 0);
    CHECK(stat_of("file").st_uid == 11 && stat_of("file").st_gid == 14);
    CHECK_EQ(fchownat(AT_FDCWD, "link", 15, 15, AT_SYMLINK_NOFOLLOW), 0);
    CHECK_EQ(stat_of("link").st_uid, 15);
    CHECK_EQ(fchownat(fd, "", 16, 16, AT_EMPTY_PATH), 0);
    CHECK_EQ(stat_of("file").st_uid, 16);
}

ABI_TEST(chown_takes_set_id_bits) {
    const int fd = make_file("file", "");
    CHECK_EQ(fchmod(fd, 06755), 0);
    CHECK_EQ(fchown(fd, 1, 1), 0);
    CHECK_EQ(bits_of("file"), 0755);
    CHECK_EQ(fchmod(fd, 02644), 0);  // without group execution it means something else, and stays
    CHECK_EQ(syscall(SYS_chown, "file", 2, 2), 0);
    CHECK_EQ(bits_of("file"), 02644);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(chmod("d", 06755), 0);
    CHECK_EQ(syscall(SYS_lchown, "d", 1, 1), 0);
    CHECK_EQ(bits_of("d"), 06755);
}

ABI_TEST(chown_errors) {
    const int fd = make_file("file", "");
    CHECK_EQ(fchown(fd, 65534, 65534), 0);
    CHECK_ERRNO(syscall(SYS_chown, "none", 0, 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_lchown, "file/x", 0, 0), ENOTDIR);
    CHECK_ERRNO(fchown(99, 0, 0), EBADF);
    CHECK_ERRNO(fchownat(AT_FDCWD, "file", 0, 0, 1), EINVAL);
    CHECK_ERRNO(fchownat(99, "file", 0, 0, 0), EBADF);
    as_nobody([&] {
        CHECK_EQ(syscall(SYS_chown, "file", -1, -1), 0);
        CHECK_EQ(syscall(SYS_chown, "file", 65534, 65534), 0);
        CHECK_ERRNO(syscall(SYS_chown, "file", 0, -1), EPERM);
        CHECK_ERRNO(syscall(SYS_lchown, "file", -1, 0), EPERM);
        CHECK_ERRNO(fchown(fd, 1, kKeep), EPERM);
        CHECK_ERRNO(fchownat(AT_FDCWD, ".", 65534, kKeep, 0), EPERM);
    });
}

ABI_TEST(times_by_the_old_calls) {
    close(make_file("file", ""));
    const int64_t seconds[2] = {1000, 2000};
    CHECK_EQ(syscall(SYS_utime, "file", seconds), 0);
    CHECK(stat_of("file").st_atim.tv_sec == 1000 && stat_of("file").st_mtim.tv_sec == 2000);
    CHECK_EQ(stat_of("file").st_mtim.tv_nsec, 0);
    const timeval micro[2] = {{3000, 7}, {4000, 999'999}};
    CHECK_EQ(syscall(SYS_utimes, "file", micro), 0);
    CHECK(stat_of("file").st_atim.tv_nsec == 7000 &&
          stat_of("file").st_mtim.tv_nsec == 999'999'000);
    const timeval negative[2] = {{-5, 0}, {5, 0}};
    CHECK_EQ(syscall(SYS_futimesat, AT_FDCWD, "file", negative), 0);
    CHECK_EQ(stat_of("file").st_atim.tv_sec, -5);
    CHECK_EQ(syscall(SYS_utime, "file", nullptr), 0);
    CHECK(stat_of("file").st_mtim.tv_sec > 1'000'000);
}

ABI_TEST(times_by_the_old_calls_errors) {
    const int fd = make_file("file", "");
    const timeval wrong[2] = {{0, 0}, {0, 1'000'000}};
    const timeval below[2] = {{0, -1}, {0, 0}};
    CHECK_ERRNO(syscall(SYS_utimes, "file", wrong), EINVAL);
    CHECK_ERRNO(syscall(SYS_utimes, "file", below), EINVAL);
    CHECK_ERRNO(syscall(SYS_futimesat, AT_FDCWD, "file", below), EINVAL);
    CHECK_EQ(syscall(SYS_futimesat, fd, nullptr, nullptr), 0);  // a descriptor's own
    CHECK_ERRNO(syscall(SYS_futimesat, fd, "x", nullptr), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_utime, "none", nullptr), ENOENT);
    as_nobody([] {
        const int64_t seconds[2] = {1, 2};
        CHECK_ERRNO(syscall(SYS_utime, "file", seconds), EPERM);
        CHECK_ERRNO(syscall(SYS_utime, "file", nullptr), EACCES);
        CHECK_ERRNO(syscall(SYS_utimes, "file", nullptr), EACCES);
    });
}

ABI_TEST(utimensat_now_and_omit) {
    const int fd = make_file("file", "");
    const timespec both[2] = {{10, 11}, {20, 21}};
    CHECK_EQ(syscall(SYS_utimensat, fd, nullptr, both, 0), 0);
    CHECK(stat_of("file").st_atim.tv_nsec == 11 && stat_of("file").st_mtim.tv_nsec == 21);
    const timespec omit[2] = {{99, UTIME_OMIT}, {30, 31}};
    CHECK_EQ(utimensat(AT_FDCWD, "file", omit, 0), 0);
    CHECK(stat_of("file").st_atim.tv_sec == 10 && stat_of("file").st_mtim.tv_sec == 30);
    const timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    CHECK_EQ(utimensat(AT_FDCWD, "file", now, 0), 0);
    CHECK(stat_of("file").st_atim.tv_sec > 1'000'000 && stat_of("file").st_mtim.tv_sec == 30);
    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(utimensat(AT_FDCWD, "link", both, AT_SYMLINK_NOFOLLOW), 0);
    CHECK(stat_of("link").st_mtim.tv_sec == 20 && stat_of("file").st_mtim.tv_sec == 30);
}

ABI_TEST(utimensat_errors) {
    const int fd = make_file("file", "");
    const timespec wrong[2] = {{0, 1'000'000'000}, {0, 0}};
    const timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    CHECK_ERRNO(utimensat(AT_FDCWD, "file", wrong, 0), EINVAL);
    CHECK_ERRNO(utimensat(AT_FDCWD, "file", nullptr, 1), EINVAL);
    CHECK_ERRNO(utimensat(99, "file", nullptr, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_utimensat, 99, nullptr, nullptr, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_utimensat, fd, nullptr, nullptr, AT_SYMLINK_NOFOLLOW), EINVAL);
    CHECK_EQ(utimensat(AT_FDCWD, "none", omit, 0), 0);  // nothing to do, so nothing is looked up
    as_nobody([] {
        const timespec both[2] = {{1, 1}, {1, 1}};
        const timespec half[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
        CHECK_ERRNO(utimensat(AT_FDCWD, "file", both, 0), EPERM);
        CHECK_ERRNO(utimensat(AT_FDCWD, "file", half, 0), EPERM);
        CHECK_ERRNO(utimensat(AT_FDCWD, "file", nullptr, 0), EACCES);
    });
}

ABI_TEST(writing_moves_the_times) {
    const int fd = make_file("file", "");
    const timespec old[2] = {{10, 0}, {20, 0}};
    CHECK_EQ(futimens(fd, old), 0);
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK_EQ(stat_of("file").st_mtim.tv_sec, 20);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK(stat_of("file").st_mtim.tv_sec > 1000);
    CHECK_EQ(stat_of("file").st_atim.tv_sec, 10);
    CHECK_EQ(futimens(fd, old), 0);
    CHECK_EQ(ftruncate(fd, 1), 0);  // also where the size stays
    CHECK(stat_of("file").st_mtim.tv_sec > 1000);
    CHECK_EQ(utimensat(AT_FDCWD, ".", old, 0), 0);
    CHECK_EQ(unlink("file"), 0);
    CHECK(stat_of(".").st_mtim.tv_sec > 1000);
}

ABI_TEST(statx_tells_what_is_asked) {
    const int fd = make_file("file", "hello");
    Statx about = {};
    CHECK_EQ(syscall(SYS_statx, AT_FDCWD, "file", 0, 0x7ff, &about), 0);
    CHECK_EQ(about.mask & 0x7ff, 0x7ff);
    CHECK_EQ(about.mode, S_IFREG | 0644);
    CHECK_EQ(about.size, 5);
    CHECK_EQ(about.links, 1);
    CHECK_EQ(about.inode, stat_of("file").st_ino);
    Statx same = {};
    CHECK_EQ(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x7ff, &same), 0);
    CHECK_EQ(same.inode, about.inode);
    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(syscall(SYS_statx, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, 0x7ff, &same), 0);
    CHECK_EQ(same.mode & S_IFMT, S_IFLNK);
}

ABI_TEST(statx_errors) {
    Statx about;
    close(make_file("file", ""));
    CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "none", 0, 0x7ff, &about), ENOENT);
    CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "file", 1, 0x7ff, &about), EINVAL);
    CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "file", 0x6000, 0x7ff, &about), EINVAL);
    CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "file", 0, 0x80000000, &about), EINVAL);
    CHECK_ERRNO(syscall(SYS_statx, 99, "file", 0, 0x7ff, &about), EBADF);
    CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "", 0, 0x7ff, &about), ENOENT);
    CHECK_ERRNO(syscall(SYS_statx, 99, "", AT_EMPTY_PATH, 0x7ff, &about), EBADF);
}

ABI_TEST(newfstatat_flags) {
    const int fd = make_file("file", "abc");
    CHECK_EQ(symlink("file", "link"), 0);
    struct stat about;
    CHECK_EQ(syscall(SYS_newfstatat, AT_FDCWD, "link", &about, 0), 0);
    CHECK_EQ(about.st_size, 3);
    CHECK_EQ(syscall(SYS_newfstatat, AT_FDCWD, "link", &about, AT_SYMLINK_NOFOLLOW), 0);
    CHECK(S_ISLNK(about.st_mode));
    CHECK_EQ(syscall(SYS_newfstatat, fd, "", &about, AT_EMPTY_PATH), 0);
    CHECK_EQ(about.st_size, 3);
    CHECK_EQ(syscall(SYS_newfstatat, AT_FDCWD, "", &about, AT_EMPTY_PATH), 0);
    CHECK(S_ISDIR(about.st_mode));
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(syscall(SYS_newfstatat, ends[0], "", &about, AT_EMPTY_PATH), 0);
    CHECK(S_ISFIFO(about.st_mode));
}

ABI_TEST(newfstatat_errors) {
    struct stat about;
    const int fd = make_file("file", "abc");
    CHECK_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, "", &about, 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, "file", &about, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_newfstatat, fd, "x", &about, 0), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_newfstatat, 99, "", &about, AT_EMPTY_PATH), EBADF);
    CHECK_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, "file/", &about, 0), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_lstat, "file/", &about), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_stat, "file/x", &about), ENOTDIR);
}

ABI_TEST(statfs_of_a_tmpfs) {
    struct statfs about;
    CHECK_EQ(syscall(SYS_statfs, ".", &about), 0);
    CHECK_EQ(about.f_type, 0x01021994);
    CHECK_EQ(about.f_bsize, 4096);
    CHECK_EQ(about.f_namelen, NAME_MAX);
    CHECK(about.f_bfree <= about.f_blocks && about.f_blocks > 0);
    struct statfs same;
    CHECK_EQ(syscall(SYS_fstatfs, make_file("file", "x"), &same), 0);
    CHECK_EQ(same.f_type, about.f_type);
    CHECK_EQ(same.f_blocks, about.f_blocks);
}

ABI_TEST(statfs_of_others_and_errors) {
    struct statfs about;
    CHECK_EQ(syscall(SYS_statfs, "/proc", &about), 0);
    CHECK_EQ(about.f_type, 0x9fa0);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(syscall(SYS_fstatfs, ends[0], &about), 0);
    CHECK_EQ(about.f_type, 0x50495045);
    CHECK_ERRNO(syscall(SYS_statfs, "none", &about), ENOENT);
    CHECK_ERRNO(syscall(SYS_fstatfs, 99, &about), EBADF);
}

ABI_TEST(faccessat_asks_for_the_real_user) {
    const int fd = make_file("file", "");
    CHECK_EQ(fchmod(fd, 0600), 0);
    CHECK_EQ(chmod(".", 0755), 0);
    const int status = abi::status_of([] {
        CHECK_EQ(setresuid(65534, 0, 0), 0);
        CHECK_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "file", R_OK), EACCES);
        CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "file", R_OK, 0), EACCES);
        CHECK_EQ(syscall(SYS_faccessat2, AT_FDCWD, "file", R_OK, AT_EACCESS), 0);
        CHECK_EQ(syscall(SYS_faccessat, AT_FDCWD, "file", F_OK), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(faccessat_flags_and_errors) {
    const int fd = make_file("file", "");
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "dangling", F_OK), ENOENT);
    CHECK_EQ(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW), 0);
    CHECK_EQ(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH), 0);
    CHECK_ERRNO(syscall(SYS_faccessat2, fd, "", R_OK, 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "file", 8, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "file", 0, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "file", 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_faccessat, fd, "x", 0), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_faccessat2, 99, "x", 0, 0), EBADF);
}

ABI_TEST(truncate_errors) {
    close(make_file("file", "x"));
    CHECK_ERRNO(syscall(SYS_truncate, ".", 0), EISDIR);
    CHECK_ERRNO(syscall(SYS_truncate, "none", 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_truncate, "file", -1L), EINVAL);
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    CHECK_ERRNO(syscall(SYS_truncate, "fifo", 0), EINVAL);
    const int reader = open("file", O_RDONLY);
    CHECK_ERRNO(ftruncate(reader, 0), EINVAL);
    CHECK_ERRNO(ftruncate(99, 0), EBADF);
    as_nobody([] { CHECK_ERRNO(syscall(SYS_truncate, "file", 0), EACCES); });
}

ABI_TEST(umask_keeps_nine_bits) {
    umask(0);
    CHECK_EQ(syscall(SYS_umask, 07777), 0);
    CHECK_EQ(syscall(SYS_umask, 022), 0777);
    const int status = abi::status_of([] { CHECK_EQ(syscall(SYS_umask, 0), 022); });
    CHECK_EQ(status, 0);
}
