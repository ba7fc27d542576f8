#include "posix_x/string_block.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "kernel/host/cpu.h"
#include "kernel/mm/address_space_fixture.h"

namespace exo::posix {

namespace {

constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 30;

class StringBlockTest : public testing::Test {
  protected:
    void SetUp() override {
        auto space = AddressSpace::create();
        ASSERT_TRUE(space.has_value());
        space_ = *space;
        use_space(&space_->machine());
        at_ = space_->map(anonymous(kBytes)).value_or(0);
        ASSERT_NE(at_, 0u);
    }
    void TearDown() override {
        use_space(nullptr);
        space_ = {};
        EXPECT_EQ(host::frames_in_use(), 0u);
    }
    /// The strings, as a program would find them.
    std::vector<std::string> written(const StringBlock& block) {
        EXPECT_TRUE(block.write({at_}).has_value());
        std::vector<std::string> found;
        for (std::size_t i = 0; i < block.count(); ++i) {
            std::string text(kMaxString, '\0');
            const auto length =
                arch::copy_string_from_user(text.data(), at_ + block.offset(i), text.size());
            text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
            found.push_back(text);
        }
        return found;
    }
    /// Puts it, with its NUL, where it ends with the program's memory.
    std::uint64_t at_the_end(const std::string& text) {
        const std::uint64_t at = at_ + kBytes - text.size() - 1;
        EXPECT_TRUE(write_user({at}, text.c_str(), text.size() + 1).has_value());
        return at;
    }

    static constexpr std::uint64_t kBytes = kMiB;
    host::Cpu cpu_;
    RefPtr<AddressSpace> space_;
    std::uint64_t at_ = 0;
};

TEST_F(StringBlockTest, keeps_strings_in_order_over_chunks) {
    std::mt19937 random(1);
    StringBlock block;
    std::vector<std::string> strings;
    std::uint64_t bytes = 0;
    for (int i = 0; i < 300; ++i) {
        strings.emplace_back(random() % (i % 50 == 0 ? 9000 : 300),
                             static_cast<char>('a' + i % 26));
        ASSERT_TRUE(block.append(strings.back(), kNoLimit).has_value());
        bytes += strings.back().size() + 1;
        ASSERT_EQ(block.bytes(), bytes);
    }
    EXPECT_EQ(written(block), strings);
    StringBlock rest;
    ASSERT_TRUE(rest.append("first", kNoLimit).has_value());
    ASSERT_TRUE(rest.append_from(block, 17, kNoLimit).has_value());
    ASSERT_TRUE(rest.append_from(block, block.count(), kNoLimit).has_value());
    strings.erase(strings.begin(), strings.begin() + 17);
    strings.insert(strings.begin(), "first");
    EXPECT_EQ(written(rest), strings);
}

TEST_F(StringBlockTest, reads_strings_of_a_program_of_any_length) {
    StringBlock block;
    std::vector<std::string> strings;
    for (const std::size_t length : {0u, 1u, 254u, 255u, 256u, 257u, 511u, 512u, 4095u, 70000u}) {
        strings.emplace_back(length, 'x');
        ASSERT_TRUE(block.append_user({at_the_end(strings.back())}, kNoLimit).has_value());
    }
    EXPECT_EQ(written(block), strings);
}

TEST_F(StringBlockTest, says_what_is_too_big) {
    StringBlock block;
    ASSERT_TRUE(block.append("abc", 8).has_value());
    ASSERT_TRUE(block.append("def", 8).has_value());
    EXPECT_EQ(block.append("", 8).error(), Errno::TOOBIG);
    const std::string longest(kMaxString - 1, 'y');
    EXPECT_TRUE(block.append_user({at_the_end(longest)}, kNoLimit).has_value());
    EXPECT_EQ(block.append_user({at_the_end(longest + "y")}, kNoLimit).error(), Errno::TOOBIG);
}

TEST_F(StringBlockTest, faults_are_errors) {
    StringBlock block;
    const std::uint64_t end = at_ + kBytes;
    ASSERT_TRUE(write_user({end - 4}, "abcd", 4).has_value());
    EXPECT_EQ(block.append_user({end - 4}, kNoLimit).error(), Errno::FAULT);
    EXPECT_EQ(block.append_user({0}, kNoLimit).error(), Errno::FAULT);
    EXPECT_EQ(block.append_user({~std::uint64_t{0}}, kNoLimit).error(), Errno::FAULT);
    StringBlock whole;
    ASSERT_TRUE(whole.append("abc", kNoLimit).has_value());
    EXPECT_EQ(whole.write({end - 3}).error(), Errno::FAULT);
}

TEST_F(StringBlockTest, memory_may_end_anywhere) {
    const std::string text(5000, 'z');
    for (std::uint64_t after = 0;; ++after) {
        StringBlock block;
        const host::FailAllocations none(after);
        const auto appended = block.append(text, kNoLimit);
        if (!none.failed()) break;
        EXPECT_EQ(appended.error(), Errno::NOMEM);
    }
}

}  // namespace

}  // namespace exo::posix
