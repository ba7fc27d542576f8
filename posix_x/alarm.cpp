#include "posix_x/alarm.h"

#include "posix_x/signals.h"

namespace exo::posix {

void Alarm::set(std::uint64_t value_ns, std::uint64_t period_ns) {
    // A period of 0 first: a firing that is under way does not arm the timer again.
    period_ns_.store(0, std::memory_order_relaxed);
    cancel();
    at_ns_.store(0, std::memory_order_relaxed);
    if (value_ns == 0) return;
    const Deadline deadline = Deadline::in(value_ns);
    period_ns_.store(period_ns, std::memory_order_relaxed);
    at_ns_.store(deadline.at_ns, std::memory_order_relaxed);
    arm(deadline);
}

std::uint64_t Alarm::left_ns() const {
    const std::uint64_t at = at_ns_.load(std::memory_order_relaxed);
    const std::uint64_t now = arch::now_ns();
    if (at == 0) return 0;
    return at > now ? at - now : 1;
}

void Alarm::fire(Timer& timer) {
    auto& alarm = static_cast<Alarm&>(timer);
    send_signal_number(alarm.process_, Signal::kAlrm);
    const std::uint64_t period = alarm.period_ns_.load(std::memory_order_relaxed);
    if (period == 0) {
        alarm.at_ns_.store(0, std::memory_order_relaxed);
        return;
    }
    const std::uint64_t next = alarm.at_ns_.load(std::memory_order_relaxed) + period;
    alarm.at_ns_.store(next, std::memory_order_relaxed);
    timer.arm(Deadline::at(next));
}

}  // namespace exo::posix
