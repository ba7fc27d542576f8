#include "posix_x/alarm.h"

#include <algorithm>

#include "posix_x/signals.h"

namespace exo::posix {

Alarm::Setting Alarm::setting_of(const State& state) {
    constexpr std::uint64_t kMicrosecond = 1000;
    const std::uint64_t now = arch::now_ns();
    if (state.at_ns == 0 || (state.at_ns <= now && state.period_ns == 0)) return {};
    // 0 would say that it is not set, in the microseconds of itimerval too.
    const std::uint64_t left = state.at_ns > now ? state.at_ns - now : 0;
    return {std::max(left, kMicrosecond), state.period_ns};
}

Alarm::Setting Alarm::set(const Setting& setting) {
    auto state = state_.lock();
    const Setting before = setting_of(*state);
    cancel();
    fired_.store(false, std::memory_order_relaxed);
    *state = {};
    if (setting.left_ns == 0) return before;
    const Deadline deadline = Deadline::in(setting.left_ns);
    *state = {deadline.at_ns, setting.period_ns};
    arm(deadline);
    return before;
}

Alarm::Setting Alarm::get() {
    auto state = state_.lock();
    return setting_of(*state);
}

void Alarm::taken() {
    // relaxed: the signal lock, under which the signal was sent and taken, orders it.
    if (!fired_.load(std::memory_order_relaxed)) return;
    auto state = state_.lock();
    if (!fired_.exchange(false, std::memory_order_relaxed) || state->period_ns == 0) return;
    const std::uint64_t now = arch::now_ns();
    // Periods that nobody saw the end of count as one.
    const std::uint64_t late = now > state->at_ns ? now - state->at_ns : 0;
    state->at_ns += (late / state->period_ns + 1) * state->period_ns;
    arm(Deadline::at(state->at_ns));
}

void Alarm::fire(Timer& timer) {
    auto& alarm = static_cast<Alarm&>(timer);
    alarm.fired_.store(true, std::memory_order_relaxed);
    send_signal_number(alarm.process_, Signal::kAlrm);
}

}  // namespace exo::posix
