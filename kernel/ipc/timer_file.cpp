#include "kernel/ipc/timer_file.h"

namespace exo {

Result<Ref<TimerFile>> TimerFile::create(Clock clock, FileFlags flags) {
    return make_ref<TimerFile>(clock, flags);
}

TimerFile::~TimerFile() {
    expiry_.cancel();
}

// A periodic one is armed anew by who reads it: nobody else sees the expirations in between.
void TimerFile::Expiry::fire(Timer& timer) {
    TimerFile& owner = static_cast<Expiry&>(timer).owner;
    owner.expired_.store(true, std::memory_order_release);
    owner.readable_.wake_all();
}

TimerFile::Setting TimerFile::setting_of(const State& state) {
    if (state.at_ns == Deadline::kNever) return {0, state.period_ns};
    const std::uint64_t now = arch::now_ns();
    if (state.at_ns > now) return {state.at_ns - now, state.period_ns};
    if (state.period_ns == 0) return {0, 0};
    return {state.period_ns - (now - state.at_ns) % state.period_ns, state.period_ns};
}

TimerFile::Setting TimerFile::set(Deadline at, std::uint64_t period_ns) {
    const MutexGuard guard(setting_);
    const Setting before = setting_of(state_);
    expiry_.cancel();
    expired_.store(false, std::memory_order_relaxed);
    state_ = {at.at_ns, period_ns};
    if (!at.is_never()) expiry_.arm(at);
    return before;
}

TimerFile::Setting TimerFile::get() {
    const MutexGuard guard(setting_);
    return setting_of(state_);
}

/// 0: another reader came first, or it was set anew.
std::uint64_t TimerFile::take_expirations() {
    const MutexGuard guard(setting_);
    if (!expired_.exchange(false, std::memory_order_acq_rel)) return 0;
    if (state_.period_ns == 0) {
        state_.at_ns = Deadline::kNever;
        return 1;
    }
    const std::uint64_t count = (arch::now_ns() - state_.at_ns) / state_.period_ns + 1;
    state_.at_ns += count * state_.period_ns;
    expiry_.arm(Deadline::at(state_.at_ns));
    return count;
}

Result<std::size_t> TimerFile::read(IoCursor& to) {
    std::uint64_t count = 0;
    if (to.remaining() < sizeof count) return Errno::INVAL;
    while ((count = take_expirations()) == 0) {
        if (has(flags(), FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] { return expired(); }));
    }
    return to.put(&count, sizeof count);
}

PollEvents TimerFile::poll(PollTable* table) {
    if (table != nullptr) table->watch(readable_);
    return expired() ? PollEvents::kIn : PollEvents::kNone;
}

}  // namespace exo
