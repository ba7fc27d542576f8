// Flags of mounts, and mounts that are taken away while they are used.
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "tests/abi/abi.h"

using abi::make_file;

/// Says whether it is root.
int helper_main(int, char**) {
    return geteuid() == 0 ? 8 : 7;
}

namespace {

/// A tmpfs at "at", which nobody else sees. Where the kernel has no namespaces, the machine is
/// there for the tests only.
void mount_at(unsigned long flags, const char* options = nullptr) {
    if (unshare(CLONE_NEWNS) == 0) {
        CHECK_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    } else {
        CHECK_EQ(errno, ENOSYS);
    }
    CHECK_EQ(mkdir("at", 0755), 0);
    CHECK_EQ(mount("none", "at", "tmpfs", flags, options), 0);
}

int remount(unsigned long flags, const char* options = nullptr) {
    return mount("none", "at", nullptr, MS_REMOUNT | flags, options);
}

void copy_self(const char* to) {
    static char buffer[1 << 16];
    const int from = open(abi::program, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
    CHECK(from >= 0 && out >= 0);
    for (ssize_t bytes; (bytes = read(from, buffer, sizeof buffer)) > 0;)
        CHECK_EQ(write(out, buffer, static_cast<size_t>(bytes)), bytes);
    close(from);
    close(out);
}

/// The options of "at" in /proc/self/mounts; "" where it is not there.
const char* shown() {
    static char line[512], options[256];
    char cwd[200];
    CHECK(getcwd(cwd, sizeof cwd) != nullptr);
    strcat(cwd, "/at");
    FILE* file = fopen("/proc/self/mounts", "r");
    CHECK(file != nullptr);
    options[0] = '\0';
    while (fgets(line, sizeof line, file) != nullptr) {
        char point[256], found[256];
        if (sscanf(line, "%*s %255s %*s %255s", point, found) == 2 && strcmp(point, cwd) == 0)
            strcpy(options, found);
    }
    fclose(file);
    return options;
}

}  // namespace

ABI_TEST(nothing_changes_on_a_read_only_mount) {
    mount_at(0);
    close(make_file("at/file", "text"));
    CHECK_EQ(mkdir("at/directory", 0755), 0);
    CHECK_EQ(remount(MS_RDONLY), 0);
    CHECK_ERRNO(open("at/file", O_RDWR), EROFS);
    CHECK_ERRNO(open("at/file", O_RDONLY | O_TRUNC), EROFS);
    CHECK_ERRNO(open("at/new", O_RDONLY | O_CREAT, 0644), EROFS);
    CHECK_ERRNO(mkdir("at/new", 0755), EROFS);
    CHECK_ERRNO(mkdir("at/file", 0755), EEXIST);
    CHECK_ERRNO(mknod("at/new", S_IFIFO | 0644, 0), EROFS);
    CHECK_ERRNO(symlink("file", "at/new"), EROFS);
    CHECK_ERRNO(link("at/file", "at/new"), EROFS);
    CHECK_ERRNO(unlink("at/file"), EROFS);
    CHECK_ERRNO(unlink("at/missing"), EROFS);
    CHECK_ERRNO(rmdir("at/directory"), EROFS);
    CHECK_ERRNO(rename("at/file", "at/new"), EROFS);
    CHECK_ERRNO(rename("at/file", "outside"), EXDEV);
    CHECK_ERRNO(chmod("at/file", 0600), EROFS);
    CHECK_ERRNO(chown("at/file", 1, 1), EROFS);
    CHECK_ERRNO(truncate("at/file", 1), EROFS);
    CHECK_ERRNO(utimensat(AT_FDCWD, "at/file", nullptr, 0), EROFS);
    CHECK_ERRNO(access("at/file", W_OK), EROFS);
    CHECK_EQ(access("at/file", R_OK), 0);
    const int fd = open("at/file", O_RDONLY | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK_ERRNO(fchmod(fd, 0600), EROFS);
    CHECK_EQ(remount(0), 0);
    CHECK_EQ(unlink("at/file"), 0);
}

ABI_TEST(a_mount_becomes_read_only_when_nobody_writes) {
    mount_at(0);
    const int fd = make_file("at/file", "text"), reader = open("at/file", O_RDONLY);
    CHECK_ERRNO(remount(MS_RDONLY), EBUSY);
    void* mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mapped != MAP_FAILED);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(remount(MS_RDONLY), EBUSY);  // it may be written to by memory
    CHECK_EQ(munmap(mapped, 4096), 0);
    CHECK_EQ(remount(MS_RDONLY), 0);
    CHECK_EQ(remount(MS_RDONLY | MS_NOSUID), 0);
    CHECK_EQ(close(reader), 0);
}

ABI_TEST(devices_of_a_mount_with_nodev_are_not_opened) {
    mount_at(MS_NODEV);
    CHECK_EQ(mknod("at/null", S_IFCHR | 0666, makedev(1, 3)), 0);
    CHECK_ERRNO(open("at/null", O_RDWR), EACCES);
    CHECK(open("at/null", O_PATH) >= 0);
    CHECK_EQ(mkfifo("at/fifo", 0600), 0);
    CHECK(open("at/fifo", O_RDWR) >= 0);
    CHECK_EQ(remount(0), 0);
    CHECK(open("at/null", O_RDWR) >= 0);
}

ABI_TEST(programs_of_a_mount_with_noexec_are_not_run) {
    mount_at(MS_NOEXEC);
    copy_self("at/program");
    CHECK_ERRNO(execl("at/program", "program", "--helper", nullptr), EACCES);
    CHECK_ERRNO(access("at/program", X_OK), EACCES);
    CHECK_EQ(access("at", X_OK), 0);
    const int fd = open("at/program", O_RDONLY);
    CHECK(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    void* mapped = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(mapped != MAP_FAILED);
    CHECK_ERRNO(mprotect(mapped, 4096, PROT_READ | PROT_EXEC), EACCES);
    CHECK_EQ(remount(0), 0);
    CHECK_EQ(abi::status_of([] { execl("at/program", "program", "--helper", nullptr); }), 8 << 8);
}

ABI_TEST(a_mount_with_nosuid_grants_nothing) {
    mount_at(MS_NOSUID);
    copy_self("at/program");
    CHECK_EQ(chmod("at/program", 04755), 0);
    CHECK_EQ(chmod(".", 0755), 0);
    const auto run = [] {
        return abi::status_of([] {
            CHECK_EQ(setresuid(65534, 65534, 65534), 0);
            execl("at/program", "program", "--helper", nullptr);
        });
    };
    CHECK_EQ(run(), 7 << 8);
    CHECK_EQ(remount(0), 0);
    CHECK_EQ(run(), 8 << 8);
}

ABI_TEST(statfs_tells_the_flags) {
    mount_at(MS_NOSUID | MS_NODEV | MS_NOATIME);
    struct statvfs stat;
    CHECK_EQ(statvfs("at", &stat), 0);
    CHECK_EQ(stat.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME),
             static_cast<unsigned long>(ST_NOSUID | ST_NODEV | ST_NOATIME));
    CHECK_EQ(remount(MS_RDONLY | MS_NOEXEC), 0);
    const int fd = open("at", O_RDONLY);
    CHECK_EQ(fstatvfs(fd, &stat), 0);
    CHECK_EQ(stat.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME),
             static_cast<unsigned long>(ST_RDONLY | ST_NOEXEC | ST_NOATIME));
}

ABI_TEST(proc_mounts_shows_flags_and_options) {
    mount_at(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, "size=1m,mode=700");
    CHECK(strstr(shown(), "ro,nosuid,nodev,noexec,noatime,size=1024k,mode=700") == shown());
    CHECK_EQ(remount(MS_STRICTATIME, "size=2m"), 0);
    CHECK(strstr(shown(), "rw,size=2048k,mode=700") == shown());
    CHECK_EQ(remount(MS_NODIRATIME), 0);
    CHECK(strstr(shown(), "rw,nodiratime,relatime,size=2048k") == shown());
}

ABI_TEST(a_tmpfs_does_not_shrink_below_what_is_used) {
    mount_at(0, "size=64k");
    const int fd = make_file("at/file", "");
    CHECK_EQ(ftruncate(fd, 0), 0);
    static char page[4096];
    for (int i = 0; i < 8; ++i) CHECK_EQ(write(fd, page, sizeof page), 4096);
    CHECK_ERRNO(remount(0, "size=16k"), EINVAL);
    CHECK_ERRNO(remount(0, "nonsense=1"), EINVAL);
    CHECK_EQ(remount(0, "size=32k"), 0);
    CHECK_ERRNO(write(fd, page, sizeof page), ENOSPC);
}

ABI_TEST(a_mount_that_is_detached_stays_with_who_uses_it) {
    mount_at(0);
    const int fd = make_file("at/file", "text");
    CHECK_EQ(mkdir("at/below", 0755), 0);
    CHECK_EQ(mount("none", "at/below", "tmpfs", 0, nullptr), 0);
    CHECK_EQ(chdir("at/below"), 0);
    close(make_file("inner", ""));
    CHECK_ERRNO(umount2("../../at", 0), EBUSY);
    CHECK_EQ(umount2("../../at", MNT_DETACH), 0);
    CHECK_EQ(access("inner", F_OK), 0);
    CHECK_EQ(fchdir(fd) == 0 ? 0 : errno, ENOTDIR);
    CHECK_EQ(pwrite(fd, "more", 4, 0), 4);
    CHECK_EQ(close(fd), 0);
}

ABI_TEST(what_was_below_a_detached_mount_is_gone) {
    mount_at(0);
    CHECK_EQ(mkdir("at/below", 0755), 0);
    CHECK_EQ(mount("none", "at/below", "tmpfs", 0, nullptr), 0);
    CHECK_EQ(umount2("at", MNT_DETACH), 0);
    CHECK(strcmp(shown(), "") == 0);
    CHECK_ERRNO(access("at/below", F_OK), ENOENT);
    CHECK_EQ(rmdir("at"), 0);
}

ABI_TEST(remount_errors) {
    mount_at(0);
    CHECK_EQ(mkdir("at/directory", 0755), 0);
    CHECK_ERRNO(mount("none", "at/directory", nullptr, MS_REMOUNT, nullptr), EINVAL);
    CHECK_ERRNO(mount("none", "at/missing", nullptr, MS_REMOUNT, nullptr), ENOENT);
    CHECK_ERRNO(mount("none", "at/directory", nullptr, 0, nullptr), EINVAL);
    CHECK_ERRNO(mount(nullptr, "at/directory", nullptr, MS_PRIVATE, nullptr), EINVAL);
}
