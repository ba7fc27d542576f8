// The host's version of kernel/core/ktest.h: the kernel's own tests as GoogleTest's, so that those
// which need no real machine run under the sanitizers too.
#pragma once

#include <gtest/gtest.h>

#include "kernel/host/cpu.h"

namespace exo::ktest {

class KernelTest : public testing::Test {
  protected:
    void TearDown() override { host::join_threads(); }

  private:
    host::Cpu cpu_;
};

template <typename A, typename B>
testing::AssertionResult equal(const A& a, const B& b) {
    if (a == b) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << testing::PrintToString(a) << " and " << testing::PrintToString(b);
}

}  // namespace exo::ktest

#define KERNEL_TEST(test_name)               \
    using Kernel = ::exo::ktest::KernelTest; \
    TEST_F(Kernel, test_name)

#define KTEST_EXPECT(condition) EXPECT_TRUE(static_cast<bool>(condition))
#define KTEST_EXPECT_EQ(a, b) EXPECT_TRUE(::exo::ktest::equal((a), (b)))
#define KTEST_REQUIRE(condition) ASSERT_TRUE(static_cast<bool>(condition))
