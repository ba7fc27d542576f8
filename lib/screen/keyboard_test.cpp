#include "lib/screen/keyboard.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace exo::screen {
namespace {

std::string typed(Keyboard& keyboard, std::initializer_list<int> codes) {
    std::string text;
    for (const int code : codes) text += keyboard.receive(static_cast<std::uint8_t>(code));
    return text;
}

TEST(Keyboard, TypesCharacters) {
    Keyboard keyboard;
    EXPECT_EQ(typed(keyboard, {0x12, 0x92, 0x2e, 0xae, 0x39, 0x02, 0x1c, 0x0e, 0x0f}),
              "ec 1\r\x7f\t");
    EXPECT_EQ(typed(keyboard, {0x2c, 0x35, 0x29, 0x2b, 0x28, 0x0d}), "z/`\\'=");
}

TEST(Keyboard, ShiftsAndLocks) {
    Keyboard keyboard;
    EXPECT_EQ(typed(keyboard, {0x2a, 0x1e, 0x02, 0x28, 0xaa, 0x1e}), "A!\"a");
    EXPECT_EQ(typed(keyboard, {0x3a, 0xba, 0x1e, 0x02, 0x36, 0x1e, 0xb6, 0x3a, 0x1e}), "A1aa");
}

TEST(Keyboard, ControlAndAlt) {
    Keyboard keyboard;
    EXPECT_EQ(typed(keyboard, {0x1d, 0x2e, 0x20, 0x9d, 0x2e}),
              "\x03\x04"
              "c");
    EXPECT_EQ(typed(keyboard, {0x38, 0x21, 0xb8, 0x21}),
              "\x1b"
              "ff");
}

TEST(Keyboard, ThreeKeysTypeNothing) {
    Keyboard keyboard;
    EXPECT_EQ(typed(keyboard, {0x1d, 0x38, 0xe0, 0x53}), "");
    EXPECT_TRUE(keyboard.take_three_keys());
    EXPECT_FALSE(keyboard.take_three_keys());
    EXPECT_EQ(typed(keyboard, {0xe0, 0xd3, 0xb8, 0xe0, 0x53}), "\x1b[3~");
    EXPECT_FALSE(keyboard.take_three_keys());
}

TEST(Keyboard, KeysWithSequences) {
    Keyboard keyboard;
    EXPECT_EQ(typed(keyboard, {0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x2a, 0xe0, 0x4b, 0x1e}),
              "\x1b[A\x1b[Da");
    EXPECT_EQ(typed(keyboard, {0x54, 0x7f, 0xe0, 0x7f, 0xff}), "");
}

}  // namespace
}  // namespace exo::screen
