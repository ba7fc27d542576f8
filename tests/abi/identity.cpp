// User and group ids: which calls may change which, for root and for others (credentials(7)).
#include "tests/abi/abi.h"

namespace {

constexpr long kKeep = -1;

void check_users(unsigned real, unsigned effective, unsigned saved) {
    unsigned r, e, s;
    CHECK_EQ(syscall(SYS_getresuid, &r, &e, &s), 0);
    CHECK_EQ(r, real);
    CHECK_EQ(e, effective);
    CHECK_EQ(s, saved);
    CHECK_EQ(syscall(SYS_getuid), real);
    CHECK_EQ(syscall(SYS_geteuid), effective);
}

void check_groups(unsigned real, unsigned effective, unsigned saved) {
    unsigned r, e, s;
    CHECK_EQ(syscall(SYS_getresgid, &r, &e, &s), 0);
    CHECK_EQ(r, real);
    CHECK_EQ(e, effective);
    CHECK_EQ(s, saved);
    CHECK_EQ(syscall(SYS_getgid), real);
    CHECK_EQ(syscall(SYS_getegid), effective);
}

}  // namespace

ABI_TEST(setuid_of_root_sets_all) {
    CHECK_EQ(syscall(SYS_setuid, 1000), 0);
    check_users(1000, 1000, 1000);
    CHECK_ERRNO(syscall(SYS_setuid, 0), EPERM);
    CHECK_EQ(syscall(SYS_setuid, 1000), 0);
    CHECK_ERRNO(syscall(SYS_setuid, kKeep), EINVAL);
}

ABI_TEST(setuid_of_others_sets_the_effective) {
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1001, 1002), 0);
    check_users(1000, 1001, 1002);
    CHECK_EQ(syscall(SYS_setuid, 1002), 0);
    check_users(1000, 1002, 1002);
    CHECK_EQ(syscall(SYS_setuid, 1000), 0);
    check_users(1000, 1000, 1002);
    CHECK_ERRNO(syscall(SYS_setuid, 1001), EPERM);
}

ABI_TEST(setgid_of_root_and_others) {
    CHECK_EQ(syscall(SYS_setgid, 500), 0);
    check_groups(500, 500, 500);
    CHECK_EQ(syscall(SYS_setresgid, 500, 501, 502), 0);
    CHECK_EQ(syscall(SYS_setuid, 1000), 0);
    CHECK_EQ(syscall(SYS_setgid, 502), 0);
    check_groups(500, 502, 502);
    CHECK_ERRNO(syscall(SYS_setgid, 501), EPERM);
    CHECK_ERRNO(syscall(SYS_setgid, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_setgid, kKeep), EINVAL);
}

ABI_TEST(setreuid_moves_the_saved_id) {
    CHECK_EQ(syscall(SYS_setreuid, kKeep, 1000), 0);
    check_users(0, 1000, 1000);  // effective is not what real was: saved follows
    CHECK_EQ(syscall(SYS_setreuid, kKeep, 0), 0);
    check_users(0, 0, 1000);
    CHECK_EQ(syscall(SYS_setreuid, 7, kKeep), 0);
    check_users(7, 0, 0);
    CHECK_EQ(syscall(SYS_setreuid, kKeep, kKeep), 0);
    check_users(7, 0, 0);
}

ABI_TEST(setreuid_of_others) {
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1001, 1002), 0);
    CHECK_ERRNO(syscall(SYS_setreuid, 1002, kKeep), EPERM);  // real: not from the saved id
    CHECK_ERRNO(syscall(SYS_setreuid, kKeep, 5), EPERM);
    CHECK_EQ(syscall(SYS_setreuid, 1001, 1000), 0);  // swapped
    check_users(1001, 1000, 1000);
    CHECK_EQ(syscall(SYS_setreuid, kKeep, 1001), 0);
    check_users(1001, 1001, 1000);
}

ABI_TEST(setregid_as_setreuid) {
    CHECK_EQ(syscall(SYS_setregid, 10, 20), 0);
    check_groups(10, 20, 20);
    CHECK_EQ(syscall(SYS_setregid, kKeep, 10), 0);
    check_groups(10, 10, 20);
}

ABI_TEST(setregid_of_others) {
    CHECK_EQ(syscall(SYS_setresgid, 500, 501, 502), 0);
    CHECK_EQ(syscall(SYS_setuid, 1000), 0);
    CHECK_ERRNO(syscall(SYS_setregid, 502, kKeep), EPERM);
    CHECK_ERRNO(syscall(SYS_setregid, kKeep, 0), EPERM);
    CHECK_EQ(syscall(SYS_setregid, 501, 502), 0);
    check_groups(501, 502, 502);
}

ABI_TEST(setresuid_of_others) {
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1001, 1002), 0);
    CHECK_EQ(syscall(SYS_setresuid, 1002, 1000, 1001), 0);
    check_users(1002, 1000, 1001);
    CHECK_ERRNO(syscall(SYS_setresuid, 0, kKeep, kKeep), EPERM);
    CHECK_ERRNO(syscall(SYS_setresuid, kKeep, kKeep, 5), EPERM);
    CHECK_EQ(syscall(SYS_setresuid, kKeep, kKeep, kKeep), 0);
    check_users(1002, 1000, 1001);
}

ABI_TEST(setresgid_of_others) {
    CHECK_EQ(syscall(SYS_setresgid, 500, 501, 502), 0);
    check_groups(500, 501, 502);
    CHECK_EQ(syscall(SYS_setuid, 1000), 0);
    CHECK_EQ(syscall(SYS_setresgid, kKeep, 500, 500), 0);
    check_groups(500, 500, 500);
    CHECK_ERRNO(syscall(SYS_setresgid, 501, kKeep, kKeep), EPERM);
    CHECK_ERRNO(syscall(SYS_setresgid, kKeep, 0, kKeep), EPERM);
}

ABI_TEST(root_for_a_while) {
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 0), 0);
    CHECK_ERRNO(syscall(SYS_setgroups, 0, nullptr), EPERM);
    CHECK_EQ(syscall(SYS_setresuid, kKeep, 0, kKeep), 0);  // from the saved id
    CHECK_EQ(syscall(SYS_setgroups, 0, nullptr), 0);
}

ABI_TEST(groups_are_set_and_told) {
    const unsigned some[] = {30, 10, 20};
    CHECK_EQ(syscall(SYS_setgroups, 3, some), 0);
    unsigned got[4] = {};
    CHECK_EQ(syscall(SYS_getgroups, 0, nullptr), 3);
    CHECK_EQ(syscall(SYS_getgroups, 4, got), 3);
    bool seen[3] = {};
    for (int i = 0; i < 3; ++i) {
        CHECK(got[i] >= 10 && got[i] <= 30 && got[i] % 10 == 0);
        seen[got[i] / 10 - 1] = true;
    }
    CHECK(seen[0] && seen[1] && seen[2]);
    const int status = abi::status_of([] { CHECK_EQ(syscall(SYS_getgroups, 0, nullptr), 3); });
    CHECK_EQ(status, 0);
}

ABI_TEST(groups_errors) {
    const unsigned some[] = {30, 10, 20};
    unsigned got[2];
    CHECK_EQ(syscall(SYS_setgroups, 3, some), 0);
    CHECK_ERRNO(syscall(SYS_getgroups, 2, got), EINVAL);
    CHECK_ERRNO(syscall(SYS_getgroups, -1, got), EINVAL);
    CHECK_ERRNO(syscall(SYS_setgroups, 65537, some), EINVAL);
    CHECK_ERRNO(syscall(SYS_setgroups, -1, some), EINVAL);
    CHECK_EQ(syscall(SYS_setgroups, 0, nullptr), 0);
    CHECK_EQ(syscall(SYS_getgroups, 0, nullptr), 0);
}

ABI_TEST(groups_give_access) {
    CHECK_EQ(chmod(".", 0755), 0);
    const int fd = open("file", O_CREAT | O_WRONLY, 0600);
    CHECK_EQ(fchown(fd, 0, 77), 0);
    CHECK_EQ(fchmod(fd, 0040), 0);
    const int status = abi::status_of([] {
        const unsigned groups[] = {5, 77};
        CHECK_EQ(syscall(SYS_setgroups, 2, groups), 0);
        CHECK_EQ(syscall(SYS_setresgid, 1, 1, 1), 0);
        CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
        CHECK(open("file", O_RDONLY) >= 0);
        CHECK_ERRNO(open("file", O_WRONLY), EACCES);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(setfsuid_tells_the_one_before) {
    CHECK_EQ(syscall(SYS_setfsuid, 1000), 0);
    CHECK_EQ(syscall(SYS_setfsuid, kKeep), 1000);
    CHECK_EQ(syscall(SYS_setfsgid, 500), 0);
    CHECK_EQ(syscall(SYS_setfsgid, kKeep), 500);
    check_users(0, 0, 0);
}

ABI_TEST(setfsuid_decides_of_files) {
    CHECK_EQ(chmod(".", 0777), 0);
    CHECK_EQ(syscall(SYS_setfsgid, 501), 0);
    CHECK_EQ(syscall(SYS_setfsuid, 1001), 0);
    const int fd = open("file", O_CREAT | O_WRONLY, 0600);
    struct stat about;
    CHECK_EQ(fstat(fd, &about), 0);
    CHECK_EQ(about.st_uid, 1001);
    CHECK_EQ(about.st_gid, 501);
    CHECK_EQ(syscall(SYS_setfsuid, 1002), 1001);
    CHECK_ERRNO(open("file", O_RDONLY), EACCES);
}

ABI_TEST(setfsuid_of_others_changes_nothing) {
    CHECK_EQ(syscall(SYS_setresgid, 500, 501, 502), 0);
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1001, 1002), 0);
    CHECK_EQ(syscall(SYS_setfsuid, 5), 1001);
    CHECK_EQ(syscall(SYS_setfsuid, 1002), 1001);
    CHECK_EQ(syscall(SYS_setfsuid, kKeep), 1002);
    CHECK_EQ(syscall(SYS_setfsgid, 5), 501);
    CHECK_EQ(syscall(SYS_setfsgid, 500), 501);
    CHECK_EQ(syscall(SYS_setfsgid, kKeep), 500);
}

ABI_TEST(process_groups_are_told) {
    const int pid = getpid();
    CHECK_EQ(syscall(SYS_getpgrp), pid);  // the harness gave the test a group of its own
    CHECK_EQ(syscall(SYS_getpgid, 0), pid);
    CHECK_EQ(syscall(SYS_getpgid, pid), pid);
    CHECK_ERRNO(syscall(SYS_getpgid, -1), ESRCH);
    CHECK_ERRNO(syscall(SYS_getpgid, 0x7fffffff), ESRCH);
    CHECK_ERRNO(syscall(SYS_getsid, 0x7fffffff), ESRCH);
    const int status = abi::status_of([&] { CHECK_EQ(syscall(SYS_getpgrp), pid); });
    CHECK_EQ(status, 0);
}

ABI_TEST(sessions_are_told) {
    CHECK_ERRNO(syscall(SYS_setsid), EPERM);  // it leads a group
    const int status = abi::status_of([] {
        const int pid = getpid();
        CHECK_EQ(syscall(SYS_setsid), pid);
        CHECK_EQ(syscall(SYS_getsid, 0), pid);
        CHECK_EQ(syscall(SYS_getpgrp), pid);
        CHECK_ERRNO(syscall(SYS_setsid), EPERM);
        CHECK_ERRNO(setpgid(0, 0), EPERM);
        const int inner = abi::status_of([&] {
            CHECK_EQ(syscall(SYS_getsid, 0), pid);
            CHECK_EQ(syscall(SYS_getpgid, getppid()), pid);
        });
        CHECK_EQ(inner, 0);
    });
    CHECK_EQ(status, 0);
}
