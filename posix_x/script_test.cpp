#include "posix_x/script.h"

#include <gtest/gtest.h>

#include <string>

namespace exo::posix {

namespace {

constexpr Errno kFine{};

void expect_line(std::string_view text, std::string_view interpreter, std::string_view argument,
                 bool cut = false) {
    const auto line = parse_script(text, cut);
    ASSERT_TRUE(line.has_value()) << text;
    EXPECT_EQ(line->interpreter, interpreter) << text;
    EXPECT_EQ(line->argument, argument) << text;
}

Errno error_of(std::string_view text, bool cut = false) {
    const auto line = parse_script(text, cut);
    return line ? kFine : line.error();
}

TEST(Script, interpreter_and_one_argument) {
    expect_line("#!/bin/sh\necho", "/bin/sh", "");
    expect_line("#! \t/bin/sh \t \n", "/bin/sh", "");
    expect_line("#!/bin/sh -e -x \nrest", "/bin/sh", "-e -x");
    expect_line("#!/bin/awk\t -f", "/bin/awk", "-f");
}

TEST(Script, anything_else_is_none) {
    expect_line("", "", "");
    expect_line("#", "", "");
    expect_line(" #!/bin/sh\n", "", "");
    expect_line(
        "\x7f"
        "ELF",
        "", "");
}

TEST(Script, without_an_interpreter_nothing_runs) {
    EXPECT_EQ(error_of("#!"), Errno::ACCES);
    EXPECT_EQ(error_of("#! \t "), Errno::ACCES);
    EXPECT_EQ(error_of("#!\n/bin/sh\n"), Errno::NOEXEC);
    EXPECT_EQ(error_of("#! \t \n"), Errno::NOEXEC);
}

TEST(Script, a_path_must_be_whole_an_argument_need_not) {
    EXPECT_EQ(error_of("#!/bin/interpre", true), Errno::NOEXEC);
    EXPECT_EQ(error_of("#!   ", true), Errno::NOEXEC);
    expect_line("#!/bin/sh argu", "/bin/sh", "argu", true);
    expect_line("#!/bin/sh\nwhatever", "/bin/sh", "", true);
    expect_line("#!/bin/interpre", "/bin/interpre", "", false);
}

}  // namespace

}  // namespace exo::posix
