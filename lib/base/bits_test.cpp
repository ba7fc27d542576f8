#include "lib/base/bits.h"

#include <gtest/gtest.h>

#include <limits>

namespace exo {
namespace {

TEST(Bits, align) {
    EXPECT_EQ(align_up<std::size_t>(1, 64), 64u);
    EXPECT_EQ(align_up<std::size_t>(64, 64), 64u);
    EXPECT_EQ(align_down<std::size_t>(127, 64), 64u);
}

TEST(Bits, checked_arithmetic_refuses_to_wrap) {
    constexpr auto kMax = std::numeric_limits<std::size_t>::max();
    EXPECT_FALSE(checked_add<std::size_t>(kMax, 1));
    EXPECT_FALSE(checked_mul<std::size_t>(kMax / 2 + 1, 2));
    EXPECT_FALSE(checked_align_up<std::size_t>(kMax - 3, 16));
    EXPECT_EQ(checked_align_up<std::size_t>(17, 16).value(), 32u);
}

TEST(Bits, logarithms) {
    EXPECT_EQ(log2_floor<std::size_t>(4095), 11u);
    EXPECT_EQ(log2_ceil<std::size_t>(4095), 12u);
    EXPECT_EQ(log2_ceil<std::size_t>(4096), 12u);
    EXPECT_EQ(log2_ceil<std::size_t>(1), 0u);
}

}  // namespace
}  // namespace exo
