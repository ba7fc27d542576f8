#include "posix_x/script.h"

namespace exo::posix {

Result<ScriptLine> parse_script(std::string_view text, bool cut) {
    if (!text.starts_with("#!")) return ScriptLine{};
    constexpr std::string_view kBlank = " \t";
    text.remove_prefix(2);
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos && cut) {
        // The path must be there as a whole, the argument may be cut.
        const std::size_t begin = text.find_first_not_of(kBlank);
        if (begin == std::string_view::npos ||
            text.find_first_of(kBlank, begin) == std::string_view::npos)
            return Errno::NOEXEC;
    }
    text = text.substr(0, end);
    const std::size_t begin = text.find_first_not_of(kBlank);
    // Without a line's end there is an empty name, which to Linux is the directory it is in.
    if (begin == std::string_view::npos)
        return end == std::string_view::npos ? Errno::ACCES : Errno::NOEXEC;
    text.remove_prefix(begin);
    text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    ScriptLine line;
    line.interpreter = text.substr(0, text.find_first_of(kBlank));
    text.remove_prefix(line.interpreter.size());
    const std::size_t argument = text.find_first_not_of(kBlank);
    if (argument != std::string_view::npos) line.argument = text.substr(argument);
    return line;
}

}  // namespace exo::posix
