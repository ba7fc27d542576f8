// A Linux program of many small tests, for the ABI: passes on Linux first, then the same binary
// runs in Exo-OS, and what both print is compared (tests/abi/run.py).
//
//   ABI_TEST(read_at_end_gives_zero) { CHECK_EQ(read(fd, byte, 1), 0); }
//
// Each test runs in a child of its own, in an empty directory, and is killed after kSeconds. Prints
// `ok NAME` or `FAIL NAME ...`; nothing that differs from run to run.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

namespace abi {

struct Test {
    const char* name;
    void (*run)();
};

inline constexpr unsigned kSeconds = 20;

/// Says why the running test failed and ends it.
[[noreturn]] void fail(const char* file, int line, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

/// Runs `child` in a child process, which then ends with 0; returns what waitpid(2) said of it.
template <typename Child>
int status_of(Child child) {
    fflush(stdout);
    const pid_t pid = fork();
    if (pid < 0) fail("abi.h", __LINE__, "fork: %s", strerror(errno));
    if (pid == 0) {
        child();
        _exit(0);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) fail("abi.h", __LINE__, "waitpid: %s", strerror(errno));
    return status;
}

/// A file with that content in the test's directory, open for reading and writing, at its start.
int make_file(const char* name, const char* content);

/// The absolute path of this program.
extern const char* program;

}  // namespace abi

#define ABI_TEST(test_name)                                                            \
    static void test_##test_name();                                                    \
    [[gnu::used, gnu::section("abi_tests")]] static const abi::Test entry_##test_name{ \
        #test_name, test_##test_name};                                                 \
    static void test_##test_name()

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) abi::fail(__FILE_NAME__, __LINE__, "expected %s", #condition); \
    } while (false)

#define CHECK_EQ(got, wanted)                                                                    \
    do {                                                                                         \
        const auto got_ = static_cast<long>(got);                                                \
        const int errno_ = errno;                                                                \
        const auto wanted_ = static_cast<long>(wanted);                                          \
        if (got_ != wanted_)                                                                     \
            abi::fail(__FILE_NAME__, __LINE__, "%s is %ld, expected %ld (errno %d)", #got, got_, \
                      wanted_, errno_);                                                          \
    } while (false)

/// The call fails with exactly this error.
#define CHECK_ERRNO(call, error)                                                              \
    do {                                                                                      \
        errno = 0;                                                                            \
        const auto got_ = static_cast<long>(call);                                            \
        const int errno_ = errno;                                                             \
        if (got_ != -1 || errno_ != (error))                                                  \
            abi::fail(__FILE_NAME__, __LINE__, "%s gave %ld with errno %d, expected " #error, \
                      #call, got_, errno_);                                                   \
    } while (false)

namespace abi {

/// Runs `what` in a child as somebody who owns nothing in the test's directory, and sees it end
/// well.
template <typename What>
void as_nobody(What what) {
    CHECK_EQ(chmod(".", 0755), 0);
    const int status = status_of([&] {
        CHECK_EQ(setgid(65534), 0);
        CHECK_EQ(setuid(65534), 0);
        what();
    });
    CHECK_EQ(status, 0);
}

}  // namespace abi
