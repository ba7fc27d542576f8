// POSIX timers of a process (timer_create(2)). A timer fires in interrupt context and only queues a
// record of its own, made with it, so that sending cannot fail; its next period begins when a
// thread takes the signal, which tells how many ends of periods were missed (the overrun). While
// its signal is ignored nothing is queued, and the periods go on once it is not.
//
// Lock order: the timers' mutex (kProcess) > the process's signal lock.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/timer.h"
#include "posix_x/pending_signals.h"

namespace exo::posix {

class Process;

/// Whom a timer tells, and what.
struct TimerEvent {
    enum class To : std::uint8_t { kNobody, kProcess, kThread };
    To to = To::kProcess;
    Signal signal = Signal::kAlrm;
    std::int32_t thread = 0;
    bool value_is_id = false;  ///< without a sigevent, si_value is the timer's number
    bool wall_clock = false;   ///< absolute times are CLOCK_REALTIME's
    std::uint64_t value = 0;
};

/// One timer. Its setting is guarded by the timers' mutex, its record by the signal lock.
class PosixTimer : private Timer {
  public:
    struct Setting {
        std::uint64_t left_ns = 0;    ///< 0: it is not set
        std::uint64_t period_ns = 0;  ///< 0: not again
    };

    PosixTimer(Process& process, std::int32_t id, const TimerEvent& event);

    /// Not set afterwards, and its signal is not pending.
    void stop();
    void start(Deadline first, std::uint64_t period_ns);
    [[nodiscard]] Setting setting() const;
    /// Begins the next period if the last one has ended and its signal is not pending any more.
    void go_on();

    [[nodiscard]] std::int32_t overrun() const { return overrun_; }
    [[nodiscard]] Signal signal() const { return event_.signal; }
    [[nodiscard]] bool uses_wall_clock() const { return event_.wall_clock; }

    const std::int32_t id;
    ListLink link;

  private:
    static void fire(Timer& timer);

    Process& process_;
    const TimerEvent event_;
    QueuedSignal record_;
    std::uint64_t at_ns_ = 0;  // end of the current period; 0: not set
    std::uint64_t period_ns_ = 0;
    std::int32_t overrun_ = 0;
    // It fired and the next period has not begun. Written by its interrupt handler; stop() and
    // go_on() look at it only while it is not armed, which orders them after the handler.
    Atomic<bool> fired_{false};
};

class PosixTimers {
  public:
    explicit PosixTimers(Process& process) : process_(process) {}
    ~PosixTimers();

    // All may sleep. INVAL: no timer has that number.

    /// The new timer's number. AGAIN: over RLIMIT_SIGPENDING, or no memory.
    Result<std::int32_t> create(const TimerEvent& event);
    /// Sets it anew; `first` of Deadline::never(): not. What was set before.
    Result<PosixTimer::Setting> set(std::int32_t id, Deadline first, std::uint64_t period_ns);
    Result<PosixTimer::Setting> get(std::int32_t id);
    Result<bool> uses_wall_clock(std::int32_t id);
    /// Of the signal that was taken last.
    Result<std::int32_t> overrun(std::int32_t id);
    Result<void> remove(std::int32_t id);
    /// Removes all: at exec and at the end.
    void clear();

    /// By a thread that has taken a timer's signal: begins the next period and fills in how many
    /// were missed.
    void taken(abi::SigInfo& info);
    /// `signal` is not ignored any more.
    void resume(Signal signal);

  private:
    struct Timers {
        List<PosixTimer, &PosixTimer::link> all;
        std::int32_t next_id = 0;
        PosixTimer* find(std::int32_t id);
    };
    void destroy(PosixTimer& timer);

    Process& process_;
    Locked<Timers, Mutex<LockRank::kProcess>> timers_;
};

}  // namespace exo::posix
