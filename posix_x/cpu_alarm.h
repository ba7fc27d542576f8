// ITIMER_VIRTUAL and ITIMER_PROF of a process (setitimer(2)) and its RLIMIT_CPU: a signal when it
// has used so much processor time. Nothing counts down: a kernel timer is set for the earliest
// moment at which the time can be used up, looks, and is set again for what is left.
//
// Lock order: the alarm's state > process table > signals.
#pragma once

#include "abi/linux/signal.h"
#include "kernel/core/spin_lock.h"
#include "kernel/core/timer.h"
#include "posix_x/alarm.h"

namespace exo::posix {

class CpuAlarm {
  public:
    /// What counts: time in the program, or that and in the kernel for it.
    enum class Counts : std::uint8_t { kProgram, kBoth };

    CpuAlarm(Process& process, Counts counts, abi::Signal signal)
        : process_(process), counts_(counts), signal_(signal) {}
    ~CpuAlarm() { stop(); }

    /// What was set before. Not from an interrupt handler.
    Alarm::Setting set(const Alarm::Setting& setting);
    [[nodiscard]] Alarm::Setting get();
    /// RLIMIT_CPU, in seconds: the signal at `soft` and each second from there on, the end at
    /// `hard`. abi::kUnlimited: none. Not from an interrupt handler.
    void set_limit(std::uint64_t soft, std::uint64_t hard);

  private:
    struct State {
        std::uint64_t at_ns = 0;  // of processor time; 0: not set
        std::uint64_t period_ns = 0;
        std::uint64_t end_ns = ~std::uint64_t{0};  // then SIGKILL; a whole number of periods later
    };
    /// A timer must not be set in its own handler: each sets the other.
    struct Turn : Timer {
        Turn(CpuAlarm& a, unsigned n) : Timer(&CpuAlarm::look), alarm(a), number(n) {}
        CpuAlarm& alarm;
        const unsigned number;
    };

    static void look(Timer& timer);
    void stop();
    void arm(const State& state, unsigned turn, std::uint64_t used_ns);
    [[nodiscard]] std::uint64_t used_ns() const;
    static Alarm::Setting setting_of(const State& state, std::uint64_t used_ns);

    Process& process_;
    const Counts counts_;
    const abi::Signal signal_;
    Locked<State, IrqSpinLock<LockRank::kProcessAlarm>> state_;
    Turn turns_[2] = {{*this, 0}, {*this, 1}};
};

}  // namespace exo::posix
