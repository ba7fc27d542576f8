// execve(2): another program in the same process.
#pragma once

#include <string_view>

#include "kernel/fs/dentry.h"
#include "posix_x/string_block.h"
#include "posix_x/task.h"

namespace exo::posix {

/// What a program is started with.
struct ProgramStart {
    Ref<Dentry> file;
    std::string_view path;  ///< as it was asked for: AT_EXECFN, scripts
    StringBlock arguments, environment;
};

/// Limit of arguments and environment together (execve(2)).
[[nodiscard]] std::uint64_t argument_limit(Process& process);

/// Replaces the running thread's program; its `frame` then begins the new one. Errors leave the old
/// one as it was; past the point of no return the process is killed. May sleep.
Result<void> execute(Task& task, ProgramStart& start, arch::TrapFrame& frame);

}  // namespace exo::posix
