#include "kernel/core/timer_queue.h"

#include <algorithm>

#include "kernel/arch/local_apic.h"

namespace exo {

Timer* TimerQueue::meld(Timer* a, Timer* b) {
    if (a == nullptr) return b;
    if (b == nullptr) return a;
    if (b->at_ns_ < a->at_ns_) std::swap(a, b);
    b->previous_ = a;
    b->sibling_ = a->child_;
    if (a->child_ != nullptr) a->child_->previous_ = b;
    a->child_ = b;
    return a;
}

// Two passes: pairs from left to right, then all into one from right to left.
Timer* TimerQueue::meld_children(Timer* first) {
    Timer* pairs = nullptr;  // linked by sibling_, last first
    while (first != nullptr) {
        Timer* a = first;
        Timer* b = a->sibling_;
        first = b == nullptr ? nullptr : b->sibling_;
        a->sibling_ = a->previous_ = nullptr;
        if (b != nullptr) b->sibling_ = b->previous_ = nullptr;
        Timer* pair = meld(a, b);
        pair->sibling_ = pairs;
        pairs = pair;
    }
    Timer* root = nullptr;
    while (pairs != nullptr) {
        Timer* next = pairs->sibling_;
        pairs->sibling_ = nullptr;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void TimerQueue::take_out(State& state, Timer& timer) {
    Timer* children = meld_children(timer.child_);
    timer.child_ = nullptr;
    if (state.root == &timer) {
        state.root = children;
    } else {
        Timer* previous = timer.previous_;
        (previous->child_ == &timer ? previous->child_ : previous->sibling_) = timer.sibling_;
        if (timer.sibling_ != nullptr) timer.sibling_->previous_ = previous;
        state.root = meld(state.root, children);
    }
    if (state.root != nullptr) state.root->previous_ = nullptr;
    timer.sibling_ = timer.previous_ = nullptr;
    timer.armed_.store(false, std::memory_order_release);
}

void TimerQueue::program(State& state) {
    const std::uint64_t first = state.root == nullptr ? Deadline::kNever : state.root->at_ns_;
    const std::uint64_t wanted = std::min(first, state.slice_end_ns);
    if (wanted == state.programmed_ns) return;
    state.programmed_ns = wanted;
    if (wanted == Deadline::kNever) return arch::stop_timer();
    const std::uint64_t now = arch::now_ns();
    arch::set_timer(wanted > now ? wanted - now : 1);
}

void TimerQueue::insert(Timer& timer, std::uint64_t at_ns) {
    auto state = state_.lock();
    timer.at_ns_ = at_ns;
    timer.armed_.store(true, std::memory_order_relaxed);
    state->root = meld(state->root, &timer);
    program(*state);
}

bool TimerQueue::remove(Timer& timer) {
    {
        auto state = state_.lock();
        if (timer.armed_.load(std::memory_order_relaxed)) {
            take_out(*state, timer);
            return true;
        }
        // Under the lock, hence on one CPU: its handler would wait for itself.
        EXO_CHECK(firing_.load(std::memory_order_relaxed) != &timer || this_cpu().timers != this,
                  "a timer is set or cancelled in its own handler");
    }
    // acquire: what its handler did is done.
    while (firing_.load(std::memory_order_acquire) == &timer) cpu_relax();
    return false;
}

Timer* TimerQueue::next_expired() {
    auto state = state_.lock();
    Timer* timer = state->root;
    if (timer == nullptr || timer->at_ns_ > arch::now_ns()) {
        state->programmed_ns = Deadline::kNever;
        if (state->slice_end_ns <= arch::now_ns()) state->slice_end_ns = Deadline::kNever;
        program(*state);
        return nullptr;
    }
    take_out(*state, *timer);
    firing_.store(timer, std::memory_order_relaxed);
    return timer;
}

void TimerQueue::run_expired() {
    while (Timer* timer = next_expired()) {
        timer->fire_(*timer);
        // The timer may be gone by now: only its address is compared.
        firing_.store(nullptr, std::memory_order_release);
    }
}

void TimerQueue::set_slice_end(std::uint64_t at_ns) {
    auto state = state_.lock();
    state->slice_end_ns = at_ns;
    // A timer that is early looks again when it fires (next_expired()): that is once in a slice,
    // while programming it would be once in a switch.
    if (state->programmed_ns > at_ns) program(*state);
}

Timer::~Timer() {
    EXO_CHECK(!armed_.load(std::memory_order_relaxed), "an armed timer is destroyed");
}

void Timer::arm(Deadline deadline) {
    cancel();
    if (deadline.is_never()) return;
    const auto interrupts = arch::disable_interrupts();
    cpu_ = this_cpu().id;
    this_cpu().timers->insert(*this, deadline.at_ns);
    arch::restore_interrupts(interrupts);
}

bool Timer::cancel() {
    return cpu_ != kNoCpu && cpu_local(cpu_).timers->remove(*this);
}

}  // namespace exo
