// The timers of one CPU: an intrusive binary tree by deadline would do; this is a pairing heap
// (Fredman et al. 1986), which inserts in O(1) and removes the first in O(log n) amortised. Lock:
// kTimer; timers fire without it.
#pragma once

#include "kernel/core/lock_rank.h"
#include "kernel/core/spin_lock.h"
#include "kernel/core/timer.h"

namespace exo {

class TimerQueue {
  public:
    void insert(Timer& timer, std::uint64_t at_ns);
    /// False: it was not in this queue any more. Waits while it fires.
    bool remove(Timer& timer);
    /// Fires what is due; on this queue's CPU, interrupts off.
    void run_expired();
    /// When the turn of who runs on this CPU ends; Deadline::kNever: no end. On this CPU.
    void set_slice_end(std::uint64_t at_ns);

  private:
    using Lock = IrqSpinLock<LockRank::kTimer>;
    struct State {
        Timer* root = nullptr;
        std::uint64_t slice_end_ns = Deadline::kNever;
        std::uint64_t programmed_ns = Deadline::kNever;
    };

    static Timer* meld(Timer* a, Timer* b);
    static Timer* meld_children(Timer* first);
    static void take_out(State& state, Timer& timer);
    static void program(State& state);
    Timer* next_expired();

    Locked<State, Lock> state_;
    Atomic<Timer*> firing_{nullptr};
};

}  // namespace exo
