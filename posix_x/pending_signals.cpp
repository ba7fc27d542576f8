#include "posix_x/pending_signals.h"

namespace exo::posix {

void release(QueuedSignal* record) {
    if (record == nullptr || record->of_timer) return;
    if (record->charged_to != nullptr) record->charged_to->fetch_sub(1, std::memory_order_relaxed);
    delete record;
}

void release_all(QueuedSignals& records) {
    while (QueuedSignal* each = records.pop_front()) release(each);
}

PendingSignals::~PendingSignals() {
    release_all(queue_);
}

bool PendingSignals::has_record_of(Signal signal) {
    for (QueuedSignal* each = queue_.front(); each != nullptr; each = queue_.next(*each))
        if (each->info.signo == static_cast<std::int32_t>(signal)) return true;
    return false;
}

bool PendingSignals::has(const QueuedSignal& record) {
    for (QueuedSignal* each = queue_.front(); each != nullptr; each = queue_.next(*each))
        if (each == &record) return true;
    return false;
}

void PendingSignals::add(Signal signal, QueuedSignal* record) {
    const bool again = (set_ & signal_bit(signal)) != 0;
    const bool of_timer = record != nullptr && record->of_timer;
    if (again && !is_real_time(signal) && !of_timer) return release(record);
    set_ |= signal_bit(signal);
    if (record != nullptr) queue_.push_back(*record);
}

Signal PendingSignals::take(std::uint64_t allowed, abi::SigInfo& info) {
    std::uint64_t ready = set_ & allowed;
    if (ready == 0) return Signal::kNone;
    if ((ready & kSynchronous) != 0) ready &= kSynchronous;
    const auto signal = static_cast<Signal>(std::countr_zero(ready) + 1);
    QueuedSignal* found = queue_.front();
    while (found != nullptr && found->info.signo != static_cast<std::int32_t>(signal))
        found = queue_.next(*found);
    info = {};
    info.signo = static_cast<std::int32_t>(signal);
    if (found != nullptr) {
        info = found->info;
        found->link.unlink();
        release(found);
    } else {
        info.code = abi::kSiKernel;
    }
    if (!has_record_of(signal)) set_ &= ~signal_bit(signal);
    return signal;
}

void PendingSignals::discard(std::uint64_t signals, QueuedSignals& dropped) {
    set_ &= ~signals;
    for (QueuedSignal* each = queue_.front(); each != nullptr;) {
        QueuedSignal* next = queue_.next(*each);
        if ((signals & signal_bit(static_cast<Signal>(each->info.signo))) != 0) {
            each->link.unlink();
            if (!each->of_timer) dropped.push_back(*each);
        }
        each = next;
    }
}

void PendingSignals::withdraw(QueuedSignal& record) {
    record.link.unlink();
    const auto signal = static_cast<Signal>(record.info.signo);
    if (!has_record_of(signal)) set_ &= ~signal_bit(signal);
}

}  // namespace exo::posix
