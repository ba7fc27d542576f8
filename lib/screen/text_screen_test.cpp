#include "lib/screen/text_screen.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace exo::screen {
namespace {

constexpr std::uint32_t kHeight = 4, kColumns = 10, kRows = 4;

/// A screen of 10 by 4 characters whose glyphs are the character's bits in every line.
class TextScreenTest : public testing::Test {
  protected:
    TextScreenTest() {
        for (std::size_t i = 0; i < glyphs_.size(); ++i)
            glyphs_[i] = static_cast<std::uint8_t>(i / kHeight);
        screen_ = std::make_unique<TextScreen>(
            Framebuffer{pixels_.data(), kColumns * 8 + 3, kRows * kHeight + 1, kPitch},
            Font{glyphs_.data(), kHeight});
    }

    void write(std::string_view text) { screen_->write(std::as_bytes(std::span(text))); }

    /// What the cells say, without blanks at the end of a line.
    std::string row(std::uint32_t y) const {
        std::string text;
        for (std::uint32_t x = 0; x < kColumns; ++x)
            text += static_cast<char>(screen_->cell(x, y).character);
        text.erase(text.find_last_not_of(' ') + 1);
        return text;
    }

    /// The bits of a cell's first line that are not black.
    unsigned bits(std::uint32_t x, std::uint32_t y) const {
        unsigned value = 0;
        for (std::uint32_t i = 0; i < 8; ++i)
            value = value << 1 | (pixels_[y * kHeight * kPitch + x * 8 + i] != 0 ? 1u : 0u);
        return value;
    }

    static constexpr std::uint32_t kPitch = kColumns * 8 + 5;
    std::vector<std::uint32_t> pixels_ = std::vector<std::uint32_t>(kPitch * 20, 0xeeeeee);
    std::vector<std::uint8_t> glyphs_ = std::vector<std::uint8_t>(256 * kHeight);
    std::unique_ptr<TextScreen> screen_;
};

TEST_F(TextScreenTest, DrawsWhatTheCellsSay) {
    write("AZ");
    EXPECT_EQ(row(0), "AZ");
    EXPECT_EQ(bits(0, 0), unsigned{'A'});
    EXPECT_EQ(bits(1, 0), unsigned{'Z'});
    EXPECT_EQ(bits(5, 2), 0U);
    EXPECT_EQ(pixels_[kPitch - 1], 0xeeeeeeU) << "beyond the width";
}

TEST_F(TextScreenTest, WrapsOnlyWhenMoreComes) {
    write("0123456789");
    EXPECT_EQ(screen_->cursor_row(), 0U);
    write("\r\n!");
    EXPECT_EQ(row(1), "!");
    write("\r\n0123456789X");
    EXPECT_EQ(row(2), "0123456789");
    EXPECT_EQ(row(3), "X");
}

TEST_F(TextScreenTest, ScrollsAndDrawsAnew) {
    write("a\r\nb\r\nc\r\nd\r\ne");
    EXPECT_EQ(row(0), "b");
    EXPECT_EQ(row(3), "e");
    EXPECT_EQ(bits(0, 0), unsigned{'b'});
    EXPECT_EQ(bits(0, 3), unsigned{'e'});
}

TEST_F(TextScreenTest, MovesByControlCharacters) {
    write("abc\b\bX\tY\rZ");
    EXPECT_EQ(row(0), "ZXc     Y");
    write("\b\b\bQ");
    EXPECT_EQ(row(0)[0], 'Q');
}

TEST_F(TextScreenTest, MovesBySequences) {
    write("\x1b[2;3HA\x1b[AB\x1b[2BC\x1b[9DD\x1b[3GE\x1b[1dF");
    EXPECT_EQ(row(0), "   F");
    EXPECT_EQ(row(1), "  A");
    EXPECT_EQ(row(2), "D E C");
    write("\x1b[99;99H");
    EXPECT_EQ(screen_->cursor_column(), kColumns - 1);
    EXPECT_EQ(screen_->cursor_row(), kRows - 1);
}

TEST_F(TextScreenTest, Erases) {
    write("0123456789\r\n0123456789\r\n0123456789");
    write("\x1b[2;4H\x1b[1K");
    EXPECT_EQ(row(1), "    456789");
    write("\x1b[2;8H\x1b[K");
    EXPECT_EQ(row(1), "    456");
    write("\x1b[J");
    EXPECT_EQ(row(2), "");
    EXPECT_EQ(row(0), "0123456789");
    write("\x1b[2J");
    EXPECT_EQ(row(0), "");
}

TEST_F(TextScreenTest, Colours) {
    write("\x1b[1;31;44ma\x1b[7mb\x1b[0mc");
    EXPECT_EQ(screen_->cell(0, 0).colours, 0x49);
    EXPECT_EQ(screen_->cell(1, 0).colours, 0x94);
    EXPECT_EQ(screen_->cell(2, 0).colours, 0x07);
}

TEST_F(TextScreenTest, SavesTheCursorAndResets) {
    write(
        "ab\x1b"
        "7\r\ncd\x1b"
        "8X");
    EXPECT_EQ(row(0), "abX");
    write(
        "\x1b"
        "c");
    EXPECT_EQ(row(0), "");
    EXPECT_EQ(screen_->cursor_row(), 0U);
}

TEST_F(TextScreenTest, ReadsUtf8) {
    write("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xffq\xc3q");
    EXPECT_EQ(row(0), "\xe9????"[0] + std::string("??\?q?q"));
}

TEST_F(TextScreenTest, SurvivesWhatIsNoSequence) {
    write("\x1b[1;2;3;4;5;6;7;8;9;10;99999999999999m\x1b[?25l\x1b[?9999z\x1b]x\x1b[\x1b[31mok");
    EXPECT_NE(row(0).find("ok"), std::string::npos);
    std::string noise;
    std::uint32_t seed = 1;
    constexpr std::string_view kPieces = "\x1b[;0123456789HJKmABCDd";
    for (int i = 0; i < 200'000; ++i) {
        seed = seed * 1664525 + 1013904223;
        const bool piece = seed >> 24 < 64;
        noise += piece ? kPieces[(seed >> 16 & 0xff) % kPieces.size()]
                       : static_cast<char>(seed >> 16 & 0xff);
    }
    write(noise);
    write(
        "\x1b"
        "c\x1b[mafter");
    EXPECT_EQ(row(0), "after");
}

TEST_F(TextScreenTest, ShowsTheCursor) {
    const auto underlined = [&](std::uint32_t x) {
        for (std::uint32_t i = 0; i < 8; ++i)
            if (pixels_[(kHeight - 1) * kPitch + x * 8 + i] == 0) return false;
        return true;
    };
    EXPECT_TRUE(underlined(0));
    write("a");
    EXPECT_FALSE(underlined(0));
    EXPECT_TRUE(underlined(1));
    write("\x1b[?25l");
    EXPECT_FALSE(underlined(1));
}

}  // namespace
}  // namespace exo::screen
