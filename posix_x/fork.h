// New threads and processes (clone(2)).
#pragma once

#include "posix_x/task.h"

namespace exo::posix {

/// What clone(2), clone3(2), fork(2) and vfork(2) come down to.
struct CloneRequest {
    std::uint64_t flags = 0;  ///< CLONE_*, without the signal
    Signal exit_signal = Signal::kChld;
    std::uint64_t stack = 0;  ///< its top; 0: the caller's
    UserAddr parent_tid, child_tid;
    std::uint64_t tls = 0;
    UserAddr pidfd;  ///< where CLONE_PIDFD puts the descriptor
};

/// The new thread's or process's id. Waits for vfork's child.
Result<long> clone_task(Task& task, const CloneRequest& request);

}  // namespace exo::posix
