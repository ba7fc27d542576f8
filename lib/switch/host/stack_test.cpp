#include "lib/switch/host/stack.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <limits>

namespace exo {
namespace {

TEST(GuardedStack, is_usable_to_its_last_byte) {
    auto stack = GuardedStack::create(5000);
    ASSERT_TRUE(stack.has_value());
    EXPECT_EQ(stack->size(), 8192u);
    auto* bottom = static_cast<volatile char*>(stack->bottom());
    auto* top = static_cast<volatile char*>(stack->top());
    bottom[0] = 1;
    top[-1] = 1;
    EXPECT_EQ(top - bottom, 8192);
}

TEST(GuardedStack, refuses_absurd_sizes) {
    EXPECT_EQ(GuardedStack::create(0).error(), Errno::INVAL);
    EXPECT_EQ(GuardedStack::create(std::numeric_limits<std::size_t>::max()).error(), Errno::INVAL);
    EXPECT_EQ(GuardedStack::create(std::size_t{1} << 62).error(), Errno::NOMEM);
}

TEST(GuardedStack, moves) {
    auto first = GuardedStack::create(4096);
    ASSERT_TRUE(first.has_value());
    void* top = first->top();
    GuardedStack second = std::move(*first);
    EXPECT_EQ(second.top(), top);
}

TEST(GuardedStackDeathTest, the_page_below_faults) {
    auto stack = GuardedStack::create(4096);
    ASSERT_TRUE(stack.has_value());
    EXPECT_EXIT(
        {
            std::signal(SIGSEGV, SIG_DFL);
            static_cast<volatile char*>(stack->bottom())[-1] = 1;
        },
        testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace exo
