#include "posix_x/cpu_alarm.h"

#include <algorithm>

#include "posix_x/signals.h"
#include "posix_x/times.h"

namespace exo::posix {

namespace {

// No more often than this, however little is left.
constexpr std::uint64_t kLeastNs = 100'000;

}  // namespace

std::uint64_t CpuAlarm::used_ns() const {
    const CpuTime used = times_used(process_).own;
    return counts_ == Counts::kProgram ? used.program_ns : used.total_ns();
}

Alarm::Setting CpuAlarm::setting_of(const State& state, std::uint64_t used_ns) {
    constexpr std::uint64_t kMicrosecond = 1000;
    if (state.at_ns == 0) return {};
    // 0 would say that it is not set, in the microseconds of itimerval too.
    const std::uint64_t left = state.at_ns > used_ns ? state.at_ns - used_ns : 0;
    return {std::max(left, kMicrosecond), state.period_ns};
}

/// Under the state's lock. All threads together use at most one second a second on each CPU.
void CpuAlarm::arm(const State& state, unsigned turn, std::uint64_t used_ns) {
    const std::uint64_t left = state.at_ns > used_ns ? state.at_ns - used_ns : 0;
    turns_[turn].arm(Deadline::in(std::max(left / online_cpus(), kLeastNs)));
}

// Once the state says that nothing is set, no handler sets the other timer any more; one that did
// before is over when the first cancel() returns.
void CpuAlarm::stop() {
    *state_.lock() = {};
    turns_[0].cancel();
    turns_[1].cancel();
    turns_[0].cancel();
}

Alarm::Setting CpuAlarm::set(const Alarm::Setting& setting) {
    const Alarm::Setting before = get();
    stop();
    if (setting.left_ns == 0) return before;
    const std::uint64_t used = used_ns();
    auto state = state_.lock();
    std::uint64_t at;
    if (__builtin_add_overflow(used, setting.left_ns, &at)) at = ~std::uint64_t{0};
    // Another thread may have set it in the meantime: the first stays, as if it had come later.
    if (state->at_ns != 0) return before;
    *state = {.at_ns = std::max<std::uint64_t>(at, 1), .period_ns = setting.period_ns};
    arm(*state, 0, used);
    return before;
}

void CpuAlarm::set_limit(std::uint64_t soft, std::uint64_t hard) {
    constexpr std::uint64_t kSecond = kNsPerSecond;
    constexpr std::uint64_t kNever = ~std::uint64_t{0};
    stop();
    if (soft > kNever / kSecond) return;
    const std::uint64_t used = used_ns();
    auto state = state_.lock();
    if (state->at_ns != 0) return;  // as in set()
    *state = {.at_ns = std::max<std::uint64_t>(soft * kSecond, 1),
              .period_ns = kSecond,
              .end_ns = hard > kNever / kSecond ? kNever : hard * kSecond};
    arm(*state, 0, used);
}

Alarm::Setting CpuAlarm::get() {
    const std::uint64_t used = used_ns();
    return setting_of(*state_.lock(), used);
}

void CpuAlarm::look(Timer& timer) {
    const Turn& turn = static_cast<Turn&>(timer);
    CpuAlarm& alarm = turn.alarm;
    auto state = alarm.state_.lock();
    if (state->at_ns == 0) return;
    const std::uint64_t used = alarm.used_ns();
    if (used >= state->at_ns) {
        const bool over = used >= state->end_ns;
        send_signal_number(alarm.process_, over ? abi::Signal::kKill : alarm.signal_);
        // Periods that have passed already count as one.
        const std::uint64_t periods =
            state->period_ns == 0 ? 0 : (used - state->at_ns) / state->period_ns + 1;
        state->at_ns = periods == 0 ? 0 : state->at_ns + periods * state->period_ns;
    }
    if (state->at_ns != 0) alarm.arm(*state, 1 - turn.number, used);
}

}  // namespace exo::posix
