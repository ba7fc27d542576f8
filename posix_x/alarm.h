// ITIMER_REAL of a process (setitimer(2)): SIGALRM after a time, once or again and again. Set by
// the process's threads; fires in interrupt context.
#pragma once

#include "kernel/core/spin_lock.h"
#include "kernel/core/timer.h"

namespace exo::posix {

class Process;

class Alarm : private Timer {
  public:
    explicit Alarm(Process& process) : Timer(&fire), process_(process) {}
    ~Alarm() { cancel(); }

    /// In `value_ns`, then every `period_ns`; 0: not, not again.
    void set(std::uint64_t value_ns, std::uint64_t period_ns);
    [[nodiscard]] std::uint64_t left_ns() const;
    [[nodiscard]] std::uint64_t period_ns() const { return period_ns_.load(std::memory_order_relaxed); }

  private:
    static void fire(Timer& timer);

    Process& process_;
    Atomic<std::uint64_t> at_ns_{0};  // 0: not set
    Atomic<std::uint64_t> period_ns_{0};
};

}  // namespace exo::posix
