// What the kernel's command line gives the first program (Linux: Documentation/admin-guide/
// kernel-parameters.rst): words that the kernel does not know become arguments, `key=value` that it
// does not know becomes environment, and all behind " -- " is arguments.
#pragma once

#include <string_view>

#include "posix_x/exec.h"

namespace exo::posix {

/// Appends them, and what each first program has: `path` as its name, HOME and TERM unless the
/// line says otherwise. TOOBIG beyond `limit` bytes each; NOMEM.
Result<void> append_init_words(ProgramStart& start, std::string_view line, std::uint64_t limit);

/// One line in the log of what is handed on, if there is something.
void log_unknown_words(std::string_view line);

}  // namespace exo::posix
