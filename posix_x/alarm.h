// ITIMER_REAL of a process (setitimer(2)): SIGALRM after a time, once or again and again. It fires
// in interrupt context and only sends; the next period begins when a thread takes the signal, as in
// Linux, so that a period shorter than an interrupt cannot occupy a CPU. A SIGALRM that is ignored
// is never taken: it ends the periods.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/spin_lock.h"
#include "kernel/core/timer.h"

namespace exo::posix {

class Process;

class Alarm : private Timer {
  public:
    struct Setting {
        std::uint64_t left_ns = 0;    ///< 0: it is not set
        std::uint64_t period_ns = 0;  ///< 0: not again
    };

    explicit Alarm(Process& process) : Timer(&fire), process_(process) {}
    ~Alarm() { cancel(); }

    /// Sleeps. What was set before.
    Setting set(const Setting& setting);
    /// Sleeps.
    [[nodiscard]] Setting get();
    /// By a thread that has taken SIGALRM, without spin locks: begins the next period if the last
    /// one has ended. Sleeps.
    void taken();

  private:
    struct State {
        std::uint64_t at_ns = 0;  // 0: not set
        std::uint64_t period_ns = 0;
    };

    static void fire(Timer& timer);
    static Setting setting_of(const State& state);

    Process& process_;
    Locked<State, Mutex<LockRank::kProcess>> state_;
    // Its SIGALRM was sent and the next period has not begun.
    Atomic<bool> fired_{false};
};

}  // namespace exo::posix
