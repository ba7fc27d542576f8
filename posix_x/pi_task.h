// A task's place in the graph of priority inheritance.
#pragma once

#include "posix_x/pi_graph.h"

namespace exo {
class Thread;
}

namespace exo::posix {

/// All under the lock of pi_futex.h.
class PiTask final : public PiThread {
  public:
    explicit PiTask(Thread& thread) : thread_(thread) {}
    ~PiTask() = default;

    [[nodiscard]] Thread& thread() const { return thread_; }
    /// It has given up what it owned for good.
    bool has_ended = false;

  private:
    sched::Urgency lend(sched::Urgency urgency) override;

    Thread& thread_;
};

}  // namespace exo::posix
