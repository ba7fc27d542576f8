// sched.accuracy*, sched.starvation: what the simulator finds in the recorded workloads.
#pragma once

namespace exo::bench {

/// Emits the rows; false, with a message, if a workload cannot be read or simulated.
[[nodiscard]] bool emit_accuracy();

}  // namespace exo::bench
