#include "kernel/ipc/event_counter.h"

namespace exo {

Result<Ref<EventCounter>> EventCounter::create(std::uint64_t value, Take take, FileFlags flags) {
    return make_ref<EventCounter>(value, take, flags);
}

// What was written before a write is seen after the read that takes it: release and acquire.
bool EventCounter::try_take(std::uint64_t& taken) {
    std::uint64_t value = value_.load(std::memory_order_relaxed);
    do {
        if (value == 0) return false;
        taken = take_ == Take::kOne ? 1 : value;
    } while (!value_.compare_exchange_weak(value, value - taken, std::memory_order_acq_rel,
                                           std::memory_order_relaxed));
    return true;
}

bool EventCounter::try_add(std::uint64_t amount) {
    std::uint64_t value = value_.load(std::memory_order_relaxed);
    do {
        if (amount > kMost - value) return false;
    } while (!value_.compare_exchange_weak(value, value + amount, std::memory_order_acq_rel,
                                           std::memory_order_relaxed));
    return true;
}

Result<std::size_t> EventCounter::read(IoCursor& to) {
    std::uint64_t taken = 0;
    if (to.remaining() < sizeof taken) return Errno::INVAL;
    while (!try_take(taken)) {
        if (has(flags(), FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] { return value() != 0; }));
    }
    writable_.wake_all();
    return to.put(&taken, sizeof taken);
}

Result<std::size_t> EventCounter::write(IoCursor& from) {
    std::uint64_t amount = 0;
    if (from.remaining() < sizeof amount) return Errno::INVAL;
    if (TRY(from.take(&amount, sizeof amount)) != sizeof amount) return Errno::FAULT;
    if (amount > kMost) return Errno::INVAL;
    while (!try_add(amount)) {
        if (has(flags(), FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(writable_.wait([&] { return amount <= kMost - value(); }));
    }
    readable_.wake_all();
    return sizeof amount;
}

PollEvents EventCounter::poll(PollTable* table) {
    if (table != nullptr) {
        table->watch(readable_);
        table->watch(writable_);
    }
    PollEvents events = PollEvents::kNone;
    const std::uint64_t now = value();
    if (now != 0) events = events | PollEvents::kIn;
    if (now < kMost) events = events | PollEvents::kOut;
    return events;
}

}  // namespace exo
