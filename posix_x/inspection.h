// Who may see what a process has in memory and open: ptrace(2), "Ptrace access mode checking".
#pragma once

#include <cstdint>

namespace exo::posix {

class Process;

/// Which of its ids and capabilities the one who looks counts by: PTRACE_MODE_FSCREDS for /proc,
/// PTRACE_MODE_REALCREDS for calls.
enum class InspectBy : std::uint8_t { kFileIds, kRealIds };

/// The same process, or another of the same user in all respects that may do no more and is not
/// closed (PR_SET_DUMPABLE of prctl(2)), or CAP_SYS_PTRACE.
[[nodiscard]] bool may_inspect(Process& self, Process& target, InspectBy by);

}  // namespace exo::posix
