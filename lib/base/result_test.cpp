#include "lib/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string_view>

namespace exo {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) return Errno::INVAL;
    return n / 2;
}

Result<int> quarter(int n) {
    const int halved = TRY(half(n));
    return TRY(half(halved));
}

Result<void> must_be_even(int n) {
    TRY(half(n));
    return {};
}

TEST(Result, carries_a_value_or_an_error) {
    EXPECT_EQ(half(4).value(), 2);
    EXPECT_EQ(half(3).error(), Errno::INVAL);
}

TEST(Result, try_propagates_the_first_error) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(6).error(), Errno::INVAL);
    EXPECT_TRUE(must_be_even(2).has_value());
    EXPECT_EQ(must_be_even(1).error(), Errno::INVAL);
}

TEST(Result, try_moves_what_cannot_be_copied) {
    auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
    auto use = [&]() -> Result<int> {
        auto owned = TRY(make());
        return *owned;
    };
    EXPECT_EQ(use().value(), 7);
}

TEST(ResultDeathTest, must_ends_with_the_expression) {
    EXPECT_DEATH(MUST(half(3)), "exo: MUST\\(half\\(3\\)\\)");
}

TEST(Errno, has_linux_numbers_and_texts) {
    EXPECT_EQ(static_cast<int>(Errno::INVAL), 22);
    EXPECT_EQ(static_cast<int>(Errno::NOSYS), 38);
    EXPECT_STREQ(errno_text(Errno::NOMEM), "Cannot allocate memory");
    EXPECT_STREQ(errno_text(static_cast<Errno>(4095)), "Unknown error");
}

}  // namespace
}  // namespace exo
