// Tests that run inside the booted kernel, on its own threads (x_ktest.cpp beside x.cpp). They are
// compiled into the image exo-kernel-test only, with assertions and UBSan's traps on, and run by
// `exo.test=PATTERN` on its command line: all, or those whose name contains PATTERN.
//
//   KERNEL_TEST(wait_queue_times_out) { KTEST_EXPECT_EQ(queue.wait(...).error(), Errno::TIMEDOUT);
//   }
//
// A test runs on a kernel thread and may sleep; what it starts has ended when it returns.
#pragma once

#include <string_view>

#include "lib/base/format.h"

namespace exo {

struct KernelTest {
    const char* name;
    void (*run)();
};

/// Runs the tests that `pattern` names on a thread of its own, one after the other, then ends the
/// emulator: status 0 if there were some and all passed, else kKernelTestStatus. Returns at once.
/// Null in an image without tests.
[[gnu::weak]] void start_kernel_tests(std::string_view pattern);

inline constexpr std::uint32_t kKernelTestStatus = 1;

namespace ktest {

/// Counts a failure of the running test and logs it. Any thread, any context.
void fail(const char* file, int line, std::string_view text);

template <typename A, typename B>
bool expect_equal(const A& a, const B& b, const char* file, int line, const char* text) {
    if (a == b) return true;
    char message[192];
    fail(file, line, {message, format_to(std::span(message), "{}: {} and {}", text, a, b)});
    return false;
}

}  // namespace ktest

}  // namespace exo

#define KERNEL_TEST(test_name)                                                                   \
    static void ktest_##test_name();                                                             \
    [[gnu::used,                                                                                 \
      gnu::section(".ktest")]] static constinit const ::exo::KernelTest ktest_entry_##test_name{ \
        #test_name, ktest_##test_name};                                                          \
    static void ktest_##test_name()

/// A failed expectation is counted, and the test goes on.
#define KTEST_EXPECT(condition)                                      \
    do {                                                             \
        if (!(condition)) {                                          \
            ::exo::ktest::fail(__FILE_NAME__, __LINE__, #condition); \
        }                                                            \
    } while (false)

/// As KTEST_EXPECT(a == b), and prints both. Integers, enums, pointers, text.
#define KTEST_EXPECT_EQ(a, b) \
    static_cast<void>(::exo::ktest::expect_equal((a), (b), __FILE_NAME__, __LINE__, #a " == " #b))

/// A failed requirement ends the test function.
#define KTEST_REQUIRE(condition)                                     \
    do {                                                             \
        if (!(condition)) {                                          \
            ::exo::ktest::fail(__FILE_NAME__, __LINE__, #condition); \
            return;                                                  \
        }                                                            \
    } while (false)
