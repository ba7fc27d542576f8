#include "posix_x/pending_signals.h"

namespace exo::posix {

PendingSignals::~PendingSignals() {
    while (QueuedSignal* each = queue_.pop_front()) delete each;
}

void PendingSignals::add(Signal signal, QueuedSignal* record) {
    if ((set_ & signal_bit(signal)) != 0 && !is_real_time(signal)) {
        delete record;
        return;
    }
    set_ |= signal_bit(signal);
    if (record != nullptr) queue_.push_back(*record);
}

Signal PendingSignals::take(std::uint64_t allowed, abi::SigInfo& info) {
    std::uint64_t ready = set_ & allowed;
    if (ready == 0) return Signal::kNone;
    if ((ready & kSynchronous) != 0) ready &= kSynchronous;
    const auto signal = static_cast<Signal>(std::countr_zero(ready) + 1);
    QueuedSignal* found = nullptr;
    bool more = false;
    for (QueuedSignal* each = queue_.front(); each != nullptr; each = queue_.next(*each)) {
        if (each->info.signo != static_cast<std::int32_t>(signal)) continue;
        if (found != nullptr) {
            more = true;
            break;
        }
        found = each;
    }
    info = {};
    info.signo = static_cast<std::int32_t>(signal);
    if (found != nullptr) {
        info = found->info;
        found->link.unlink();
        delete found;
    } else {
        info.code = abi::kSiKernel;
    }
    if (!more) set_ &= ~signal_bit(signal);
    return signal;
}

void PendingSignals::discard(std::uint64_t signals) {
    set_ &= ~signals;
    for (QueuedSignal* each = queue_.front(); each != nullptr;) {
        QueuedSignal* next = queue_.next(*each);
        if ((signals & signal_bit(static_cast<Signal>(each->info.signo))) != 0) {
            each->link.unlink();
            delete each;
        }
        each = next;
    }
}

}  // namespace exo::posix
