#include "posix_x/line_discipline.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace exo::posix {

namespace {

using abi::Signal;

class Screen final : public TerminalOutput {
  public:
    void put(std::span<const std::byte> bytes) override {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    std::string text;
};

class LineDisciplineTest : public testing::Test {
  protected:
    /// The last signal that one of the characters stood for.
    Signal type(std::string_view text) {
        Signal last = Signal::kNone;
        for (const char c : text) {
            const Signal signal = line_.receive(static_cast<std::uint8_t>(c), screen_);
            if (signal != Signal::kNone) last = signal;
        }
        return last;
    }
    std::string read(std::size_t most = LineDiscipline::kCapacity) {
        std::string text(most, '\0');
        text.resize(line_.read(std::as_writable_bytes(std::span(text))));
        return text;
    }
    std::string screen() { return std::exchange(screen_.text, {}); }
    std::string sent(std::string_view text) {
        line_.send(std::as_bytes(std::span(text)), screen_);
        return screen();
    }
    template <typename Change>
    void change(Change change) {
        abi::Termios settings = line_.settings();
        change(settings);
        line_.set_settings(settings);
    }
    void local(std::uint32_t off, std::uint32_t on = 0) {
        change([&](abi::Termios& t) { t.local = (t.local & ~off) | on; });
    }

    LineDiscipline line_;
    Screen screen_;
};

TEST_F(LineDisciplineTest, gives_a_line_when_it_is_ended) {
    type("ab");
    EXPECT_FALSE(line_.readable());
    EXPECT_EQ(line_.readable_bytes(), 0u);
    type("c\r");
    EXPECT_TRUE(line_.readable());
    EXPECT_EQ(line_.readable_bytes(), 4u);
    EXPECT_EQ(screen(), "abc\r\n");
    EXPECT_EQ(read(), "abc\n");
    EXPECT_FALSE(line_.readable());
}

TEST_F(LineDisciplineTest, reads_one_line_at_a_time_and_parts_of_it) {
    type("one\ntwo\nthree");
    EXPECT_EQ(line_.readable_bytes(), 8u);
    EXPECT_EQ(read(2), "on");
    EXPECT_EQ(read(), "e\n");
    EXPECT_EQ(read(), "two\n");
    EXPECT_FALSE(line_.readable());
}

TEST_F(LineDisciplineTest, erases_characters_of_this_line_only) {
    type(
        "x\nab\x7f\x7f\x7f\x7f"
        "c\n");
    EXPECT_EQ(read(), "x\n");
    EXPECT_EQ(read(), "c\n");
    EXPECT_EQ(screen(), "x\r\nab\b \b\b \bc\r\n");
}

TEST_F(LineDisciplineTest, erases_a_character_of_several_bytes_whole) {
    type(
        "a\xc3\xa4\x7f"
        "b\n");
    EXPECT_EQ(read(), "ab\n");
    change([](abi::Termios& t) { t.input &= ~abi::kIutf8; });
    type(
        "a\xc3\xa4\x7f"
        "b\n");
    EXPECT_EQ(read(),
              "a\xc3"
              "b\n");
}

TEST_F(LineDisciplineTest, erases_words_and_lines) {
    type(
        "two  words \x17"
        "x\n");
    EXPECT_EQ(read(), "two  x\n");
    type(
        "never\x15"
        "y\n");
    EXPECT_EQ(read(), "y\n");
}

TEST_F(LineDisciplineTest, shows_control_characters_and_erases_what_it_showed) {
    type("\x01");
    EXPECT_EQ(screen(), "^A");
    type("\x7f");
    EXPECT_EQ(screen(), "\b \b\b \b");
    type("\t\x7f");
    EXPECT_EQ(screen(), "\t\b\b\b\b\b\b\b\b");
    local(abi::kEchoctl);
    type("\x01\x7f");
    EXPECT_EQ(screen(), "\x01");
}

TEST_F(LineDisciplineTest, takes_the_next_character_literally) {
    EXPECT_EQ(type("\x16\x03\x16\x7f\n"), Signal::kNone);
    EXPECT_EQ(read(), "\x03\x7f\n");
    EXPECT_EQ(screen(), "^C^?\r\n");
}

TEST_F(LineDisciplineTest, shows_the_line_again_on_demand) {
    type(
        "ab\x12"
        "c");
    EXPECT_EQ(screen(), "ab^R\r\nabc");
}

TEST_F(LineDisciplineTest, end_of_input_gives_what_is_there_or_nothing) {
    type("ab\x04");
    EXPECT_EQ(read(), "ab");
    EXPECT_FALSE(line_.readable());
    type("\x04");
    EXPECT_TRUE(line_.readable());
    EXPECT_EQ(line_.readable_bytes(), 0u);
    EXPECT_EQ(read(), "");
    EXPECT_FALSE(line_.readable());
}

// read(2) of just as many bytes as were typed before ^D must not leave an end of input behind.
TEST_F(LineDisciplineTest, a_read_to_the_end_of_input_takes_it) {
    type(
        "ab\x04"
        "cd\n");
    EXPECT_EQ(read(2), "ab");
    EXPECT_EQ(read(), "cd\n");
}

TEST_F(LineDisciplineTest, turns_characters_into_signals_and_drops_the_line) {
    EXPECT_EQ(type("abc\x03"), Signal::kInt);
    EXPECT_EQ(screen(), "abc^C");
    EXPECT_EQ(type("\x1c"), Signal::kQuit);
    EXPECT_EQ(type("\x1a"), Signal::kTstp);
    type("d\n");
    EXPECT_EQ(read(), "d\n");
}

TEST_F(LineDisciplineTest, keeps_the_line_with_noflsh_and_the_character_without_isig) {
    local(0, abi::kNoflsh);
    EXPECT_EQ(type("ab\x03\n"), Signal::kInt);
    EXPECT_EQ(read(), "ab\n");
    local(abi::kIsig);
    EXPECT_EQ(type("\x03\n"), Signal::kNone);
    EXPECT_EQ(read(), "\x03\n");
}

TEST_F(LineDisciplineTest, a_character_of_0_is_off) {
    change([](abi::Termios& t) { t.characters[abi::kVintr] = 0; });
    EXPECT_EQ(type(std::string_view("\0\x03\n", 3)), Signal::kNone);
    EXPECT_EQ(read(), std::string_view("\0\x03\n", 3));
}

TEST_F(LineDisciplineTest, translates_newlines_of_input) {
    change([](abi::Termios& t) { t.input = abi::kInlcr; });
    type("a\n");
    EXPECT_FALSE(line_.readable());
    change([](abi::Termios& t) { t.input = abi::kIgncr; });
    type("\r\n");
    EXPECT_EQ(read(), "a\r\n");
    change([](abi::Termios& t) { t.input = abi::kIstrip; });
    type("\xe1\n");
    EXPECT_EQ(read(), "a\n");
}

TEST_F(LineDisciplineTest, translates_newlines_of_output) {
    EXPECT_EQ(sent("a\nb\n\n"), "a\r\nb\r\n\r\n");
    change([](abi::Termios& t) { t.output = abi::kOpost | abi::kOcrnl; });
    EXPECT_EQ(sent("a\rb\n"), "a\nb\n");
    change([](abi::Termios& t) { t.output = abi::kOnlcr; });
    EXPECT_EQ(sent("a\nb\r"), "a\nb\r");
}

TEST_F(LineDisciplineTest, without_echo_shows_nothing_but_newlines_if_asked) {
    local(abi::kEcho);
    type("ab\x7f\n");
    EXPECT_EQ(screen(), "");
    local(0, abi::kEchonl);
    type("ab\n");
    EXPECT_EQ(screen(), "\r\n");
}

TEST_F(LineDisciplineTest, raw_mode_gives_every_byte_at_once) {
    local(abi::kIcanon | abi::kIsig | abi::kEcho | abi::kIexten);
    change([](abi::Termios& t) { t.input = 0; });
    constexpr std::string_view kAll("a\x7f\x03\x04\x16\r\n\0z", 9);
    EXPECT_EQ(type(kAll), Signal::kNone);
    EXPECT_EQ(line_.readable_bytes(), kAll.size());
    EXPECT_EQ(read(), kAll);
    EXPECT_FALSE(line_.readable());
}

TEST_F(LineDisciplineTest, an_unfinished_line_can_be_read_when_lines_are_given_up) {
    type("ab");
    local(abi::kIcanon);
    EXPECT_TRUE(line_.readable());
    type("c");
    EXPECT_EQ(read(), "abc");
}

TEST_F(LineDisciplineTest, an_end_of_input_is_a_null_byte_where_there_are_no_lines) {
    type(
        "ab\x04"
        "cd\x04");
    local(abi::kIcanon);
    EXPECT_EQ(line_.readable_bytes(), 6u);
    EXPECT_EQ(read(), std::string_view("ab\0cd\0", 6));
    EXPECT_FALSE(line_.readable());
}

TEST_F(LineDisciplineTest, what_came_raw_is_a_line_when_lines_begin) {
    local(abi::kIcanon);
    type("ab");
    local(0, abi::kIcanon);
    EXPECT_TRUE(line_.readable());
    type(
        "\x7f"
        "c\n");  // what counts as read cannot be erased
    EXPECT_EQ(read(), "ab");
    EXPECT_EQ(read(), "c\n");
}

TEST_F(LineDisciplineTest, lines_typed_before_raw_mode_count_once) {
    type("one\ntwo\n");
    local(abi::kIcanon);
    EXPECT_EQ(read(), "one\ntwo\n");
    EXPECT_FALSE(line_.readable());
    type("x");
    EXPECT_EQ(read(), "x");
    local(0, abi::kIcanon);
    EXPECT_FALSE(line_.readable());
}

TEST_F(LineDisciplineTest, a_full_line_still_takes_its_end) {
    const std::string many(LineDiscipline::kCapacity + 10, 'x');
    type(many);
    EXPECT_EQ(screen().size(), LineDiscipline::kCapacity - 1);
    EXPECT_FALSE(line_.readable());
    type("\n");
    EXPECT_EQ(line_.readable_bytes(), LineDiscipline::kCapacity);
    const std::string line = read();
    EXPECT_EQ(line.size(), LineDiscipline::kCapacity);
    EXPECT_EQ(line.back(), '\n');
    type("y\n");
    EXPECT_EQ(read(), "y\n");
}

TEST_F(LineDisciplineTest, a_buffer_full_of_lines_drops_what_is_typed_and_recovers) {
    for (std::size_t i = 0; i < LineDiscipline::kCapacity; ++i) type("\n");
    EXPECT_EQ(type("ab\n\x04\x03"), Signal::kInt);  // still heard
    EXPECT_FALSE(line_.readable());                 // which drops all
    type("z\n");
    EXPECT_EQ(read(), "z\n");
}

TEST_F(LineDisciplineTest, goes_round_its_buffer) {
    for (unsigned i = 0; i < 3000; ++i) {
        const std::string text = "line " + std::to_string(i) + "\n";
        type(text);
        ASSERT_EQ(read(), text);
    }
}

TEST_F(LineDisciplineTest, stops_and_starts_output) {
    EXPECT_FALSE(line_.output_stopped());
    type("\x13");
    EXPECT_TRUE(line_.output_stopped());
    type("a\x11");
    EXPECT_FALSE(line_.output_stopped());
    change([](abi::Termios& t) { t.input |= abi::kIxany; });
    type("\x13");
    EXPECT_TRUE(line_.output_stopped());
    type("b\n");
    EXPECT_FALSE(line_.output_stopped());
    EXPECT_EQ(read(), "ab\n");
    type("\x13");
    change([](abi::Termios& t) { t.input &= ~abi::kIxon; });
    EXPECT_FALSE(line_.output_stopped());
    type("\x13\n");
    EXPECT_EQ(read(), "\x13\n");
}

TEST_F(LineDisciplineTest, erases_a_tab_back_to_where_it_began) {
    type("abc\t\x7f");
    EXPECT_EQ(screen(), "abc\t\b\b\b\b\b");
    type("\x01\t\x7f");
    EXPECT_EQ(screen(), "^A\t\b\b\b");
}

TEST_F(LineDisciplineTest, a_raw_buffer_has_room_for_what_it_stores) {
    local(abi::kIcanon);
    EXPECT_EQ(line_.input_room(), LineDiscipline::kCapacity);
    type("xyz");
    EXPECT_EQ(line_.input_room(), LineDiscipline::kCapacity - 3);
    EXPECT_EQ(read(), "xyz");
    EXPECT_EQ(line_.input_room(), LineDiscipline::kCapacity);
}

}  // namespace

}  // namespace exo::posix
