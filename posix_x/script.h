// The first line of a script (execve(2), "Interpreter scripts").
#pragma once

#include <string_view>

#include "lib/base/result.h"

namespace exo::posix {

/// "#!interpreter argument". The interpreter's path; empty: not a script.
struct ScriptLine {
    std::string_view interpreter, argument;
};

/// Of a file's first bytes, which the line points into; `cut`: the file has more. NOEXEC: a line
/// without an interpreter, or whose path may be cut off; ACCES: the same where no line ends.
Result<ScriptLine> parse_script(std::string_view text, bool cut);

}  // namespace exo::posix
