#include "lib/base/boot_words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace exo {
namespace {

/// "key" or "key=[value]" of every word.
std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> all;
    BootWords words(line);
    while (const auto word = words.next()) {
        std::string text(word->key);
        if (word->has_value) text += "=[" + std::string(word->value) + "]";
        all.push_back(text);
    }
    return all;
}

using Words = std::vector<std::string>;

TEST(BootWords, AreSeparatedByBlanks) {
    EXPECT_EQ(words_of(""), Words());
    EXPECT_EQ(words_of("  \t\n "), Words());
    EXPECT_EQ(words_of(" quiet  console=ttyS0\tx "), (Words{"quiet", "console=[ttyS0]", "x"}));
}

TEST(BootWords, HaveAKeyAndAValue) {
    EXPECT_EQ(words_of("a= b=c=d =e"), (Words{"a=[]", "b=[c=d]", "=e"}));
}

TEST(BootWords, KeepBlanksInQuotes) {
    EXPECT_EQ(words_of(R"(a="b c" "d e" "f=g h" i"j k"l)"),
              (Words{"a=[b c]", "d e", "f=[g h]", R"(i"j k"l)"}));
}

TEST(BootWords, EndInAnOpenQuote) {
    EXPECT_EQ(words_of(R"(a="b c)"), (Words{"a=[b c]"}));
    EXPECT_EQ(words_of(R"(")"), (Words{""}));
    EXPECT_EQ(words_of(R"(a=")"), (Words{"a=[]"}));
}

TEST(BootWords, LeaveTheRest) {
    BootWords words("a -- b c");
    ASSERT_TRUE(words.next());
    const auto separator = words.next();
    ASSERT_TRUE(separator && separator->is("--"));
    EXPECT_EQ(words.rest(), " b c");
}

}  // namespace
}  // namespace exo
