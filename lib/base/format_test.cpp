#include "lib/base/format.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

namespace exo {
namespace {

template <typename... Arguments>
std::string formatted(Format<Arguments...> format, const Arguments&... arguments) {
    char text[128];
    return {text, format_arguments(text, format.text,
                                   std::array<FormatArgument, sizeof...(Arguments)>{
                                       FormatArgument(arguments)...})};
}

TEST(Format, numbers) {
    EXPECT_EQ(formatted("{} {} {}", 1, -2, 3u), "1 -2 3");
    EXPECT_EQ(formatted("{:x} {:#x} {:08x}", 255u, 255u, 255u), "ff 0xff 000000ff");
    EXPECT_EQ(formatted("[{:5}] [{:05}]", 42, -42), "[   42] [-0042]");
    EXPECT_EQ(formatted("{}", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(formatted("{}", std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(Format, text_and_the_rest) {
    EXPECT_EQ(formatted("{}|{:6}|{}|{}", "ab", std::string_view("cd"), 'e', true),
              "ab|cd    |e|true");
    EXPECT_EQ(formatted("{}", reinterpret_cast<const void*>(0xabc)), "0xabc");
    EXPECT_EQ(formatted("{{}} {{{}}}", 1), "{} {1}");
}

TEST(Format, cuts_what_does_not_fit) {
    char text[4] = {'?', '?', '?', '?'};
    EXPECT_EQ(format_to(std::span(text, 3), "{}", 12345), 3u);
    EXPECT_EQ(std::string_view(text, 4), "123?");
}

}  // namespace
}  // namespace exo
