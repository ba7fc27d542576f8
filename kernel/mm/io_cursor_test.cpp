#include "kernel/mm/io_cursor.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "kernel/host/cpu.h"
#include "kernel/mm/address_space_fixture.h"

namespace exo {

namespace {

class IoCursorTest : public testing::Test {
  protected:
    void SetUp() override {
        auto space = AddressSpace::create();
        ASSERT_TRUE(space.has_value());
        space_ = *space;
        use_space(&space_->machine());
        const auto at = space_->map(anonymous(2 * kPageSize));
        ASSERT_TRUE(at.has_value());
        at_ = *at;
        end_ = *at + 2 * kPageSize;
    }
    void TearDown() override {
        use_space(nullptr);
        space_ = {};
        EXPECT_EQ(host::frames_in_use(), 0u);
    }
    static std::string text_at(std::uint64_t at, std::size_t bytes) {
        std::string text(bytes, '\0');
        EXPECT_TRUE(read_user(text.data(), {at}, bytes).has_value());
        return text;
    }

    host::Cpu cpu_;
    RefPtr<AddressSpace> space_;
    std::uint64_t at_ = 0, end_ = 0;
};

TEST_F(IoCursorTest, kernel_memory) {
    char text[] = "0123456789";
    IoCursor cursor(std::as_writable_bytes(std::span(text, 10)));
    EXPECT_EQ(cursor.put("abc", 3).value_or(0), 3u);
    EXPECT_EQ(cursor.put_zeroes(1).value_or(0), 1u);
    char took[8] = {};
    EXPECT_EQ(cursor.take(took, 2).value_or(0), 2u);
    EXPECT_EQ(std::string(took), "45");
    EXPECT_EQ(cursor.done(), 6u);
    EXPECT_EQ(cursor.remaining(), 4u);
    EXPECT_EQ(cursor.put("wxyz!", 5).value_or(0), 4u);
    EXPECT_EQ(cursor.put("!", 1).value_or(9), 0u);
    EXPECT_EQ(std::string(text, 10), std::string("abc\0"
                                                 "45wxyz",
                                                 10));
}

TEST_F(IoCursorTest, ranges_of_a_program_empty_ones_too) {
    const std::array<UserSpan, 5> ranges = {
        {{{0}, 0}, {{at_ + kPageSize - 3}, 6}, {{1}, 0}, {{at_}, 2}, {{at_ + 100}, 4}}};
    IoCursor cursor{std::span<const UserSpan>(ranges)};
    EXPECT_EQ(cursor.remaining(), 12u);
    EXPECT_EQ(cursor.put("abcdefgh", 8).value_or(0), 8u);
    EXPECT_EQ(text_at(at_ + kPageSize - 3, 6), "abcdef");
    EXPECT_EQ(text_at(at_, 2), "gh");
    EXPECT_EQ(cursor.put("ijklmnop", 8).value_or(0), 4u);
    EXPECT_EQ(text_at(at_ + 100, 4), "ijkl");
    EXPECT_EQ(cursor.remaining(), 0u);
}

TEST_F(IoCursorTest, goes_back_and_on_over_ranges) {
    const std::array<UserSpan, 3> ranges = {{{{at_}, 4}, {{0}, 0}, {{at_ + 10}, 4}}};
    IoCursor cursor{std::span<const UserSpan>(ranges)};
    ASSERT_EQ(cursor.put("abcdef", 6).value_or(0), 6u);
    cursor.rewind(3);
    EXPECT_EQ(cursor.done(), 3u);
    ASSERT_EQ(cursor.put("DE", 2).value_or(0), 2u);
    cursor.advance(2);
    ASSERT_EQ(cursor.put("H", 1).value_or(0), 1u);
    EXPECT_EQ(text_at(at_, 4), "abcD");
    EXPECT_EQ(text_at(at_ + 10, 1), "E");
    EXPECT_EQ(text_at(at_ + 13, 1), "H");
    cursor.rewind(8);
    EXPECT_EQ(cursor.remaining(), 8u);
    cursor.limit(5);
    EXPECT_EQ(cursor.put_zeroes(8).value_or(0), 5u);
}

TEST_F(IoCursorTest, a_fault_ends_what_was_begun) {
    const std::array<UserSpan, 2> ranges = {{{{end_ - 4}, 8}, {{at_}, 8}}};
    IoCursor cursor{std::span<const UserSpan>(ranges)};
    EXPECT_EQ(cursor.put("abcdefgh", 8).value_or(0), 4u);
    EXPECT_EQ(cursor.done(), 4u);
    EXPECT_EQ(cursor.put("x", 1).error(), Errno::FAULT);
    char to[8];
    const UserSpan over{{end_ - 2}, 8};
    IoCursor reader(over);
    EXPECT_EQ(reader.take(to, 8).value_or(0), 2u);
    EXPECT_EQ(reader.take(to, 8).error(), Errno::FAULT);
}

// Addresses that are no program's: above its half, and around the end of all.
TEST_F(IoCursorTest, nothing_beyond_the_program_is_touched) {
    char byte = 0;
    for (const std::uint64_t at :
         {arch::kUserEnd - 1, arch::kUserEnd, kDirectMap.value, ~std::uint64_t{0}}) {
        const UserSpan beyond{{at}, 16};
        IoCursor cursor(beyond);
        EXPECT_EQ(cursor.put(&byte, 1).error(), Errno::FAULT);
        EXPECT_EQ(cursor.take(&byte, 1).error(), Errno::FAULT);
        EXPECT_EQ(cursor.put_zeroes(16).error(), Errno::FAULT);
    }
}

}  // namespace

}  // namespace exo
