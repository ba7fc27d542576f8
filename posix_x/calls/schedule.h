// What the calls about scheduling share.
#pragma once

#include "posix_x/task.h"

namespace exo::posix {

/// Whether `self` may change how `target` is scheduled (setpriority(2), sched_setscheduler(2)).
bool may_schedule(Task& self, Task& target);

}  // namespace exo::posix
