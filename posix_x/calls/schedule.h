// What the calls about scheduling share.
#pragma once

#include "posix_x/task.h"

namespace exo::posix {

/// The thread with that id, 0 for the running one. SRCH.
Result<Ref<Task>> find_thread(Task& self, Pid tid);

/// Whether `self` may change how `target` is scheduled (setpriority(2), sched_setscheduler(2)).
bool may_schedule(Task& self, Task& target);

}  // namespace exo::posix
