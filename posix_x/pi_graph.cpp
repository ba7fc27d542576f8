#include "posix_x/pi_graph.h"

#include <algorithm>

namespace exo::posix {

void PiLock::set_owner(PiThread& owner) {
    owner_ = &owner;
    owner.owned_.push_back(*this);
    owner.spread();
}

PiWaiter* PiLock::hand_over() {
    if (owner_ != nullptr) {
        PiThread& before = *owner_;
        held_link_.unlink();
        owner_ = nullptr;
        before.spread();
    }
    PiWaiter* const next = waiters_.front();
    if (next == nullptr) return nullptr;
    take_out(*next);
    set_owner(next->thread_);
    return next;
}

Result<void> PiLock::add(PiWaiter& waiter) {
    PiThread* at = owner_;
    for (unsigned depth = 0; at != nullptr; ++depth) {
        if (at == &waiter.thread_ || depth == kMaxChain) return Errno::DEADLK;
        at = at->wait_ == nullptr ? nullptr : at->wait_->lock_->owner_;
    }
    waiter.urgency_ = waiter.thread_.lend(waiter.thread_.lent_);
    waiter.lock_ = this;
    waiter.thread_.wait_ = &waiter;
    insert(waiter);
    if (owner_ != nullptr) owner_->spread();
    return {};
}

void PiLock::remove(PiWaiter& waiter) {
    take_out(waiter);
    if (owner_ != nullptr) owner_->spread();
}

void PiLock::insert(PiWaiter& waiter) {
    // From the end: most wait with the same urgency.
    PiWaiter* behind = nullptr;
    for (PiWaiter* each = waiters_.back(); each != nullptr && each->urgency_ < waiter.urgency_;
         each = waiters_.previous(*each)) {
        behind = each;
    }
    behind == nullptr ? waiters_.push_back(waiter) : waiters_.insert_before(waiter, *behind);
}

void PiLock::take_out(PiWaiter& waiter) {
    waiter.link_.unlink();
    waiter.lock_ = nullptr;
    waiter.thread_.wait_ = nullptr;
}

void PiThread::reorder() {
    PiThread* const next = pass_on(lend(lent_));
    if (next != nullptr) next->spread();
}

sched::Urgency PiThread::due() {
    sched::Urgency best;
    for (PiLock* each = owned_.front(); each != nullptr; each = owned_.next(*each))
        if (PiWaiter* const first = each->first()) best = std::max(best, first->urgency_);
    return best;
}

// The chain has no circle: add() refuses one. Each step sees other locks and other waiters, so that
// all of them together are no more than there are threads.
void PiThread::spread() {
    for (PiThread* at = this; at != nullptr;) {
        const sched::Urgency due = at->due();
        if (due == at->lent_) return;
        at->lent_ = due;
        at = at->pass_on(at->lend(due));
    }
}

/// Moves it to its place among those that wait for the same lock; that lock's owner, if that may
/// change what the owner is due.
PiThread* PiThread::pass_on(sched::Urgency urgency) {
    if (wait_ == nullptr || wait_->urgency_ == urgency) return nullptr;
    PiWaiter& waiter = *wait_;
    waiter.link_.unlink();
    waiter.urgency_ = urgency;
    waiter.lock_->insert(waiter);
    return waiter.lock_->owner_;
}

}  // namespace exo::posix
