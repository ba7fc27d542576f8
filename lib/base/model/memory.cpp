#include "lib/base/model/memory.h"

#include <cstring>

namespace exo::model {
namespace {

std::uint64_t truncated(std::uint64_t value, std::uint8_t size) {
    return size >= 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

std::uint64_t modified(const Operation& op, std::uint64_t old) {
    switch (op.kind) {
        case Kind::kAdd:
            return truncated(old + op.operand, op.size);
        case Kind::kSub:
            return truncated(old - op.operand, op.size);
        case Kind::kAnd:
            return old & op.operand;
        case Kind::kOr:
            return old | op.operand;
        case Kind::kXor:
            return old ^ op.operand;
        default:
            return op.operand;
    }
}

}  // namespace

void Memory::reset() {
    location_count_ = 0;
    threads_ = {};
    sc_ = {};
    // Every thread's own clock runs ahead of what others know of it, so that an access made before
    // its first release is ordered before nothing.
    for (unsigned i = 0; i < kMaxThreads; ++i) threads_[i].now.clock[i] = 1;
}

std::optional<LocationId> Memory::locate(void* address, std::size_t size, std::uint64_t initial) {
    for (unsigned i = 0; i < location_count_; ++i)
        if (locations_[i].address == address) return static_cast<LocationId>(i);
    if (location_count_ == kMaxLocations) return std::nullopt;
    Location& location = locations_[location_count_];
    location.address = address;
    location.size = static_cast<std::uint8_t>(size);
    location.stores.clear();
    location.order.clear();
    location.stores.push_back(Store{.value = initial, .message = {}});
    location.order.push_back(0);
    return static_cast<LocationId>(location_count_++);
}

void Memory::forget(const void* address) {
    for (unsigned i = 0; i < location_count_; ++i)
        if (locations_[i].address == address) locations_[i].address = nullptr;
}

const std::vector<StoreId>& Memory::candidates(ThreadId thread, const Operation& op) {
    const Location& location = locations_[op.location];
    const auto rank_seen = location.stores[threads_[thread].now.seen[op.location]].rank;
    const auto rank_sc = location.stores[sc_.seen[op.location]].rank;
    candidates_.clear();
    for (std::size_t i = location.order.size(); i-- > rank_seen;) {
        const StoreId id = location.order[i];
        const Store& store = location.stores[id];
        bool reads_only = op.kind == Kind::kLoad;
        auto order = op.order;
        if (op.kind == Kind::kCompareExchange && store.value != op.expected) {
            reads_only = true;
            order = op.failure_order;
        }
        if (order == std::memory_order_seq_cst && i < rank_sc) continue;
        if (!reads_only && store.read_by_rmw) continue;
        candidates_.push_back(id);
    }
    return candidates_;
}

Memory::Effect Memory::apply(ThreadId id, const Operation& op, StoreId choice) {
    ThreadState& thread = threads_[id];
    Effect effect;
    if (op.kind == Kind::kFence) {
        fence(thread, op.order);
        ++thread.now.clock[id];
        return effect;
    }
    Location& location = locations_[op.location];
    effect.read = location.stores[choice].value;
    effect.store = choice;
    if (op.kind == Kind::kLoad) {
        read_from(thread, op.location, choice, op.order);
    } else if (op.kind == Kind::kStore) {
        effect.written = op.operand;
        effect.store = insert_after(id, op, choice, op.operand);
    } else if (op.kind == Kind::kCompareExchange && effect.read != op.expected) {
        effect.success = false;
        read_from(thread, op.location, choice, op.failure_order);
    } else {
        effect.written = modified(op, effect.read);
        read_from(thread, op.location, choice, op.order);
        effect.store = insert_after(id, op, choice, effect.written);
    }
    effect.rank = location.stores[effect.store].rank;
    effect.stale = effect.store == choice && choice != location.order.back();
    ++thread.now.clock[id];
    return effect;
}

std::uint64_t Memory::newest_value(LocationId location) const {
    return locations_[location].stores[locations_[location].order.back()].value;
}

std::uint64_t Memory::read_newest(ThreadId thread, LocationId location) {
    const StoreId newest = locations_[location].order.back();
    read_from(threads_[thread], location, newest, std::memory_order_relaxed);
    return locations_[location].stores[newest].value;
}

bool Memory::has_news(ThreadId thread, LocationId location, StoreId store) const {
    const Location& place = locations_[location];
    for (std::size_t i = place.order.size(); i-- > place.stores[store].rank + std::size_t{1};)
        if (place.stores[place.order[i]].thread != thread) return true;
    return false;
}

void Memory::catch_up(ThreadId thread, LocationSet locations) {
    for (unsigned i = 0; i < location_count_; ++i)
        if ((locations >> i & 1) != 0) threads_[thread].now.seen[i] = locations_[i].order.back();
}

void Memory::synchronise(ThreadId from, ThreadId to) {
    learn(threads_[to].now, threads_[from].now);
    ++threads_[from].now.clock[from];
}

void Memory::learn(View& view, const View& news) const {
    for (unsigned i = 0; i < kMaxThreads; ++i)
        if (news.clock[i] > view.clock[i]) view.clock[i] = news.clock[i];
    for (unsigned i = 0; i < location_count_; ++i)
        see(view, static_cast<LocationId>(i), news.seen[i]);
}

void Memory::see(View& view, LocationId location, StoreId store) const {
    if (store != view.seen[location] && newer(location, store, view.seen[location]))
        view.seen[location] = store;
}

void Memory::read_from(ThreadState& thread, LocationId location, StoreId store,
                       std::memory_order order) {
    see(thread.now, location, store);
    learn(is_acquire(order) ? thread.now : thread.acquired,
          locations_[location].stores[store].message);
    if (order == std::memory_order_seq_cst) see(sc_, location, store);
}

StoreId Memory::insert_after(ThreadId id, const Operation& op, StoreId predecessor,
                             std::uint64_t value) {
    ThreadState& thread = threads_[id];
    Location& location = locations_[op.location];
    const auto created = static_cast<StoreId>(location.stores.size());
    const std::size_t rank = location.stores[predecessor].rank + std::size_t{1};
    location.order.insert(location.order.begin() + static_cast<std::ptrdiff_t>(rank), created);
    location.stores.push_back(Store{.value = value, .message = {}, .thread = id});
    for (std::size_t i = rank; i < location.order.size(); ++i)
        location.stores[location.order[i]].rank = static_cast<std::uint16_t>(i);

    thread.now.seen[op.location] = created;
    Store& store = location.stores[created];
    store.message = is_release(op.order) ? thread.now : thread.released;
    see(store.message, op.location, created);
    if (op.kind != Kind::kStore) {
        location.stores[predecessor].read_by_rmw = true;
        learn(store.message, location.stores[predecessor].message);
    }
    if (op.order == std::memory_order_seq_cst) see(sc_, op.location, created);
    // Real memory holds the newest value: for the checks after the last thread has ended.
    if (rank + 1 == location.order.size()) std::memcpy(location.address, &value, location.size);
    return created;
}

void Memory::fence(ThreadState& thread, std::memory_order order) {
    if (is_acquire(order)) learn(thread.now, thread.acquired);
    if (order == std::memory_order_seq_cst) {
        learn(thread.now, sc_);
        // Only what is coherence-ordered is exchanged: a fence synchronises by itself with nothing.
        for (unsigned i = 0; i < location_count_; ++i)
            see(sc_, static_cast<LocationId>(i), thread.now.seen[i]);
    }
    if (is_release(order)) thread.released = thread.now;
}

}  // namespace exo::model
