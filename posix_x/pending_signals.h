// Signals sent and not yet taken, of a thread or of a process. Numbers as a set, what came with
// them in a queue: standard signals once, real-time signals as often as sent (signal(7)). Guarded
// by the process's signal lock.
#pragma once

#include <bit>
#include <cstdint>

#include "abi/linux/signal.h"
#include "lib/base/atomic.h"
#include "lib/base/list.h"

namespace exo::posix {

using abi::Signal;

/// Bit of a signal in a set; kNone has none.
constexpr std::uint64_t signal_bit(Signal signal) {
    return std::uint64_t{1} << (static_cast<unsigned>(signal) - 1);
}
constexpr bool is_real_time(Signal signal) {
    return signal >= Signal::kRealTime;
}
constexpr bool is_valid_signal(std::int64_t number) {
    return number >= 1 && number <= abi::kSignals;
}

inline constexpr std::uint64_t kUnblockable = signal_bit(Signal::kKill) | signal_bit(Signal::kStop);
inline constexpr std::uint64_t kStopSignals = signal_bit(Signal::kStop) |
                                              signal_bit(Signal::kTstp) |
                                              signal_bit(Signal::kTtin) | signal_bit(Signal::kTtou);
/// Caused by the thread itself, and taken before all others.
inline constexpr std::uint64_t kSynchronous = signal_bit(Signal::kSegv) | signal_bit(Signal::kBus) |
                                              signal_bit(Signal::kIll) | signal_bit(Signal::kTrap) |
                                              signal_bit(Signal::kFpe) | signal_bit(Signal::kSys);

/// What came with a signal.
struct QueuedSignal {
    ListLink link;
    abi::SigInfo info = {};
    /// A timer's own (posix_timers.h): queues only link it, and never delete it.
    bool of_timer = false;
    /// Counts it for RLIMIT_SIGPENDING; nullptr: nobody does.
    Atomic<std::uint32_t>* charged_to = nullptr;
};
using QueuedSignals = List<QueuedSignal, &QueuedSignal::link>;

/// Gives a record back that is in no queue; nullptr is none. Not in interrupt handlers, unless it
/// is a timer's.
void release(QueuedSignal* record);
void release_all(QueuedSignals& records);

class PendingSignals {
  public:
    PendingSignals() = default;
    ~PendingSignals();

    [[nodiscard]] std::uint64_t set() const { return set_; }

    /// Adds `signal`; takes `record` over, which may be nullptr where memory was short or none
    /// could be had: the number alone arrives then. A timer's record is queued even if the signal
    /// is pending already, since each timer waits for its own to be taken.
    void add(Signal signal, QueuedSignal* record);

    /// Takes the next signal of `allowed` out: synchronous ones first, then by number. kNone: none.
    Signal take(std::uint64_t allowed, abi::SigInfo& info);

    /// Takes all of `signals` out; their records go to `dropped`, for release_all().
    void discard(std::uint64_t signals, QueuedSignals& dropped);

    /// Takes a record out that is in this queue.
    void withdraw(QueuedSignal& record);
    [[nodiscard]] bool has(const QueuedSignal& record);

  private:
    [[nodiscard]] bool has_record_of(Signal signal);

    std::uint64_t set_ = 0;
    QueuedSignals queue_;
};

}  // namespace exo::posix
