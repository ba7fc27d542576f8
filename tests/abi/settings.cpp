// What a process or the system is told to be: prctl(2), personality(2), syslog(2); fallocate(2).
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "tests/abi/abi.h"

ABI_TEST(no_new_privileges_is_kept_and_stays) {
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    CHECK_EQ(abi::status_of([] { CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1); }), 0);
}

ABI_TEST(a_32_bit_personality_changes_the_machine) {
    utsname name;
    CHECK_EQ(personality(PER_LINUX32), PER_LINUX);
    CHECK_EQ(uname(&name), 0);
    CHECK_EQ(strcmp(name.machine, "i686"), 0);
    CHECK_EQ(personality(0xffffffff), PER_LINUX32);
    CHECK_EQ(personality(PER_LINUX), PER_LINUX32);
    CHECK_EQ(uname(&name), 0);
    CHECK_EQ(strcmp(name.machine, "x86_64"), 0);
}

ABI_TEST(fallocate_makes_room_and_grows) {
    const int fd = abi::make_file("file", "abc");
    struct stat stat;
    CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10'000), 0);
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK_EQ(stat.st_size, 3);
    CHECK(stat.st_blocks * 512 >= 10'000);
    CHECK_EQ(fallocate(fd, 0, 5'000, 5'000), 0);
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK_EQ(stat.st_size, 10'000);
    char byte = 1;
    CHECK_EQ(pread(fd, &byte, 1, 9'999), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(pread(fd, &byte, 1, 2), 1);
    CHECK_EQ(byte, 'c');
}

ABI_TEST(fallocate_refuses_what_is_no_room) {
    const int fd = abi::make_file("file", "");
    CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_ERRNO(fallocate(fd, 0, -1, 10), EINVAL);
    CHECK_ERRNO(fallocate(fd, 0, 0x7fff'ffff'ffff'f000, 0x1000), EFBIG);
    CHECK_ERRNO(fallocate(-1, 0, 0, 10), EBADF);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(fallocate(ends[1], 0, 0, 10), ESPIPE);
    const int reading = open("file", O_RDONLY);
    CHECK_ERRNO(fallocate(reading, 0, 0, 10), EBADF);
}

ABI_TEST(log_actions_that_are_none) {
    char text[64];
    CHECK_ERRNO(klogctl(99, text, sizeof text), EINVAL);
    CHECK_ERRNO(klogctl(3, text, -1), EINVAL);
    CHECK_ERRNO(klogctl(3, nullptr, 10), EINVAL);
    CHECK_EQ(klogctl(3, text, 0), 0);
    CHECK(klogctl(10, nullptr, 0) > 0);
    CHECK_ERRNO(klogctl(8, nullptr, 0), EINVAL);
    CHECK_ERRNO(klogctl(8, nullptr, 9), EINVAL);
}
