// One-shot timers, in a heap per CPU behind that CPU's hardware timer. An armed timer fires on the
// CPU that armed it, in interrupt context: short, no sleeping.
#pragma once

#include "kernel/core/time.h"
#include "lib/base/atomic.h"

namespace exo {

class Timer {
  public:
    using Fire = void (*)(Timer& timer);

    explicit Timer(Fire fire) : fire_(fire) {}
    /// Not armed, or cancelled before.
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Fires once at `deadline`, or as soon as possible after; replaces an earlier setting. Waits
    /// while it fires: never in its own handler.
    void arm(Deadline deadline);
    /// Afterwards it does not fire and is not firing. True: it was armed. Never in its own
    /// handler.
    bool cancel();

  private:
    friend class TimerQueue;
    Fire fire_;
    std::uint64_t at_ns_ = Deadline::kNever;
    static constexpr std::uint32_t kNoCpu = ~std::uint32_t{0};
    std::uint32_t cpu_ = kNoCpu;  // that it was armed on last
    Timer* child_ = nullptr;      // pairing heap
    Timer* sibling_ = nullptr;
    Timer* previous_ = nullptr;
    Atomic<bool> armed_{false};
};

}  // namespace exo
