// Foreign first lines: what is found lies in them, in order, and has no blanks around it.
#include "posix_x/script.h"

#include "lib/base/panic.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto line = exo::posix::parse_script(text, (data[0] & 1) != 0);
    if (!line || line->interpreter.empty()) return 0;
    constexpr std::string_view kEnds = " \t\n";
    EXO_CHECK(text.starts_with("#!"), "a script without a mark");
    EXO_CHECK(line->interpreter.find_first_of(kEnds) == std::string_view::npos, "not one path");
    EXO_CHECK(line->interpreter.data() >= text.data() + 2, "before the text");
    if (line->argument.empty()) return 0;
    EXO_CHECK(line->argument.data() > line->interpreter.data() + line->interpreter.size(),
              "the argument comes behind");
    EXO_CHECK(line->argument.data() + line->argument.size() <= text.data() + text.size(), "beyond");
    EXO_CHECK(!kEnds.contains(line->argument.front()) && !kEnds.contains(line->argument.back()),
              "blanks are left");
    EXO_CHECK(!line->argument.contains('\n'), "more than the first line");
    return 0;
}
