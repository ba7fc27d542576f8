// Gives dead threads' last reference back, by a thread of its own: where a thread dies, nothing may
// sleep or free its stack.
#pragma once

#include "kernel/core/thread.h"

namespace exo {

/// Once, after start_scheduler(). NOMEM.
Result<void> start_reaper();

/// Takes over the scheduler's reference to a thread that will not run again. Interrupts are off.
void reap(Thread& dead);

}  // namespace exo
