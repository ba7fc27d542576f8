// Out of memory: one process is ended so that the others go on (relieve_memory(),
// kernel/mm/out_of_memory.h). Which one is told by its points, as on Linux (proc(5)): what it has
// in memory, moved by oom_score_adj.
#pragma once

#include "posix_x/process.h"

namespace exo::posix {

/// Of oom_score_adj: a thousandth of all memory each; kNever exempts the process.
inline constexpr std::int32_t kOomNever = -1000, kOomMost = 1000;

/// /proc/PID/oom_score: 0 for who is exempt, else how likely it is chosen; 666 for who has nothing.
[[nodiscard]] std::int64_t oom_score(Process& process);

/// Once, at boot. NOMEM.
Result<void> start_out_of_memory();

}  // namespace exo::posix
