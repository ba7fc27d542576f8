#include "posix_x/posix_timers.h"

#include <algorithm>

#include "posix_x/signals.h"

namespace exo::posix {

PosixTimer::PosixTimer(Process& process, std::int32_t number, const TimerEvent& event)
    : Timer(&fire), id(number), process_(process), event_(event) {
    record_.of_timer = true;
    record_.info.signo = static_cast<std::int32_t>(event.signal);
    record_.info.code = abi::kSiTimer;
    record_.info.timer.id = number;
    // An int in a union: the other half is zero.
    record_.info.timer.value = event.value_is_id ? static_cast<std::uint32_t>(number) : event.value;
}

void PosixTimer::fire(Timer& timer) {
    auto& self = static_cast<PosixTimer&>(timer);
    self.fired_.store(true, std::memory_order_relaxed);
    const std::int32_t thread = self.event_.to == TimerEvent::To::kThread ? self.event_.thread : 0;
    send_timer_signal(self.process_, self.record_, thread);
}

void PosixTimer::stop() {
    cancel();
    withdraw_signal(process_, record_);
    fired_.store(false, std::memory_order_relaxed);
    at_ns_ = period_ns_ = 0;
}

void PosixTimer::start(Deadline first, std::uint64_t period_ns) {
    at_ns_ = std::max<std::uint64_t>(first.at_ns, 1);
    period_ns_ = period_ns;
    overrun_ = 0;
    if (event_.to != TimerEvent::To::kNobody) arm(first);
}

// timer_gettime(2): between the end of a period and the next, what is told is what it would be had
// the next begun.
PosixTimer::Setting PosixTimer::setting() const {
    if (at_ns_ == 0) return {};
    const std::uint64_t now = arch::now_ns();
    if (at_ns_ > now) return {at_ns_ - now, period_ns_};
    const bool ended =
        event_.to == TimerEvent::To::kNobody || fired_.load(std::memory_order_relaxed);
    if (!ended) return {1, period_ns_};  // about to fire: 0 would say that it is not set
    if (period_ns_ == 0) return {};
    return {period_ns_ - (now - at_ns_) % period_ns_, period_ns_};
}

void PosixTimer::go_on() {
    if (!fired_.load(std::memory_order_relaxed) || is_pending(process_, record_)) return;
    fired_.store(false, std::memory_order_relaxed);
    overrun_ = 0;
    if (period_ns_ == 0) return;
    const std::uint64_t now = arch::now_ns();
    const std::uint64_t missed = now > at_ns_ ? (now - at_ns_) / period_ns_ : 0;
    overrun_ = static_cast<std::int32_t>(std::min<std::uint64_t>(missed, INT32_MAX));
    at_ns_ += (missed + 1) * period_ns_;
    arm(Deadline::at(at_ns_));
}

PosixTimers::~PosixTimers() {
    EXO_CHECK(timers_.unlocked().all.empty(), "a process is gone before its timers");
}

PosixTimer* PosixTimers::Timers::find(std::int32_t id) {
    for (PosixTimer* each = all.front(); each != nullptr; each = all.next(*each))
        if (each->id == id) return each;
    return nullptr;
}

Result<std::int32_t> PosixTimers::create(const TimerEvent& event) {
    auto timers = timers_.lock();
    if (!charge_signal(process_)) return Errno::AGAIN;
    // Numbers count on, as on Linux, so that one is not soon another timer's.
    while (timers->find(timers->next_id) != nullptr)
        timers->next_id = (timers->next_id + 1) & INT32_MAX;
    auto* timer = new (std::nothrow) PosixTimer(process_, timers->next_id, event);
    if (timer == nullptr) {
        uncharge_signal(process_);
        return Errno::AGAIN;
    }
    timers->next_id = (timers->next_id + 1) & INT32_MAX;
    timers->all.push_back(*timer);
    return timer->id;
}

Result<PosixTimer::Setting> PosixTimers::set(std::int32_t id, Deadline first,
                                             std::uint64_t period_ns) {
    auto timers = timers_.lock();
    PosixTimer* const timer = timers->find(id);
    if (timer == nullptr) return Errno::INVAL;
    const PosixTimer::Setting before = timer->setting();
    timer->stop();
    if (!first.is_never()) timer->start(first, period_ns);
    return before;
}

Result<PosixTimer::Setting> PosixTimers::get(std::int32_t id) {
    auto timers = timers_.lock();
    const PosixTimer* const timer = timers->find(id);
    if (timer == nullptr) return Errno::INVAL;
    return timer->setting();
}

Result<bool> PosixTimers::uses_wall_clock(std::int32_t id) {
    auto timers = timers_.lock();
    const PosixTimer* const timer = timers->find(id);
    if (timer == nullptr) return Errno::INVAL;
    return timer->uses_wall_clock();
}

Result<std::int32_t> PosixTimers::overrun(std::int32_t id) {
    auto timers = timers_.lock();
    const PosixTimer* const timer = timers->find(id);
    if (timer == nullptr) return Errno::INVAL;
    return timer->overrun();
}

void PosixTimers::destroy(PosixTimer& timer) {
    timer.stop();
    timer.link.unlink();
    delete &timer;
    uncharge_signal(process_);
}

Result<void> PosixTimers::remove(std::int32_t id) {
    auto timers = timers_.lock();
    PosixTimer* const timer = timers->find(id);
    if (timer == nullptr) return Errno::INVAL;
    destroy(*timer);
    return {};
}

void PosixTimers::clear() {
    auto timers = timers_.lock();
    while (PosixTimer* const timer = timers->all.front()) destroy(*timer);
    timers->next_id = 0;
}

void PosixTimers::taken(abi::SigInfo& info) {
    auto timers = timers_.lock();
    PosixTimer* const timer = timers->find(info.timer.id);
    if (timer == nullptr) return;
    timer->go_on();
    info.timer.overrun = timer->overrun();
}

void PosixTimers::resume(Signal signal) {
    auto timers = timers_.lock();
    for (PosixTimer* each = timers->all.front(); each != nullptr; each = timers->all.next(*each))
        if (each->signal() == signal) each->go_on();
}

}  // namespace exo::posix
