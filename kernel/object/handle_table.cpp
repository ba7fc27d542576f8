#include "kernel/object/handle_table.h"

#include <algorithm>

namespace exo {

namespace {

constexpr std::uint32_t kFirstSlots = 16;

std::uint32_t index_of(Fd fd) {
    return static_cast<std::uint32_t>(fd);  // a negative one is beyond every table
}

Fd fd_of(std::uint32_t index) {
    return Fd{static_cast<std::int32_t>(index)};
}

}  // namespace

Result<Ref<HandleTable>> HandleTable::create() {
    Ref<HandleTable> table = TRY(make_ref<HandleTable>());
    TRY(table->grow(kFirstSlots));
    return table;
}

HandleTable::~HandleTable() {
    close_all();
}

Result<void> HandleTable::grow(std::uint32_t slots) {
    if (slots > kMaxHandles) return Errno::MFILE;
    const std::uint32_t wanted = std::max(kFirstSlots, std::min(kMaxHandles, slots * 2));
    Vector<Slot> larger;  // made, and what it replaces freed, without the lock
    TRY(larger.resize(wanted));
    auto state = state_.lock();
    if (state->slots.size() >= slots) return {};
    for (std::size_t i = 0; i < state->slots.size(); ++i) larger[i] = std::move(state->slots[i]);
    std::swap(state->slots, larger);
    return {};
}

Result<Ref<HandleTable>> HandleTable::copy() {
    Vector<Slot> slots;
    std::size_t size = kFirstSlots;
    for (;;) {
        size = std::max(size, state_.lock()->slots.size());
        TRY(slots.resize(size));
        auto from = state_.lock();
        if (from->slots.size() > size) continue;  // it grew meanwhile
        for (std::size_t i = 0; i < from->slots.size(); ++i) {
            const Slot& slot = from->slots[i];
            if (!slot.object) continue;
            slot.object->opened();
            slots[i] = slot;
        }
        break;
    }
    Ref<HandleTable> made = TRY(make_ref<HandleTable>());
    std::swap(made->state_.lock()->slots, slots);
    return made;
}

Result<HandleTable::Reservation> HandleTable::reserve(std::uint32_t limit, Fd least) {
    const std::uint32_t first = index_of(least);
    limit = std::min(limit, kMaxHandles);
    for (;;) {
        std::uint32_t size;
        {
            auto state = state_.lock();
            size = static_cast<std::uint32_t>(state->slots.size());
            std::uint32_t number = std::max(first, state->lowest_free);
            while (number < size && !state->slots[number].free()) ++number;
            if (first <= state->lowest_free) state->lowest_free = number;
            if (number >= limit) return Errno::MFILE;
            if (number < size) {
                state->slots[number].reserved = true;
                return Reservation(*this, fd_of(number));
            }
        }
        TRY(grow(std::max(size, first) + 1));
    }
}

Result<Handle> HandleTable::get(Fd fd, Rights wanted) {
    auto state = state_.lock();
    const Slot* slot = state->find(index_of(fd));
    if (slot == nullptr || !includes(slot->rights, wanted)) return Errno::BADF;
    return Handle{slot->object.to_ref(), slot->rights};
}

RefPtr<Object> HandleTable::take(std::uint32_t number, Select select) {
    auto state = state_.lock();
    Slot* slot = state->find(number);
    if (slot == nullptr) return {};
    if (select == Select::kCloseOnExec && slot->close_on_exec == CloseOnExec::kNo) return {};
    state->lowest_free = std::min(state->lowest_free, number);
    return std::move(slot->object);
}

Result<void> HandleTable::close(Fd fd) {
    const RefPtr<Object> object = take(index_of(fd), Select::kAny);
    if (!object) return Errno::BADF;
    object->closed(this);
    return {};
}

Result<void> HandleTable::replace(Fd at, Handle handle, CloseOnExec close_on_exec,
                                  std::uint32_t limit) {
    const std::uint32_t number = index_of(at);
    if (number >= std::min(limit, kMaxHandles)) return Errno::BADF;
    TRY(grow(number + 1));
    RefPtr<Object> before;
    {
        auto state = state_.lock();
        Slot& slot = state->slots[number];
        if (slot.reserved) return Errno::BUSY;
        handle.object->opened();
        before = std::move(slot.object);
        slot.object = std::move(handle.object);
        slot.rights = handle.rights;
        slot.close_on_exec = close_on_exec;
    }
    if (before) before->closed(this);
    return {};
}

Result<CloseOnExec> HandleTable::close_on_exec(Fd fd) {
    auto state = state_.lock();
    const Slot* slot = state->find(index_of(fd));
    if (slot == nullptr) return Errno::BADF;
    return slot->close_on_exec;
}

Result<void> HandleTable::set_close_on_exec(Fd fd, CloseOnExec value) {
    auto state = state_.lock();
    Slot* slot = state->find(index_of(fd));
    if (slot == nullptr) return Errno::BADF;
    slot->close_on_exec = value;
    return {};
}

void HandleTable::close_each(Select select) {
    const std::size_t size = state_.lock()->slots.size();
    for (std::uint32_t number = 0; number < size; ++number) {
        if (const RefPtr<Object> object = take(number, select)) object->closed(this);
    }
}

void HandleTable::close_for_exec() {
    close_each(Select::kCloseOnExec);
}

void HandleTable::close_all() {
    close_each(Select::kAny);
}

bool HandleTable::next(std::uint32_t& number) {
    auto state = state_.lock();
    while (number < state->slots.size() && !state->slots[number].object) ++number;
    return number < state->slots.size();
}

void HandleTable::cancel(Fd fd) {
    auto state = state_.lock();
    state->slots[index_of(fd)].reserved = false;
    state->lowest_free = std::min(state->lowest_free, index_of(fd));
}

void HandleTable::fill(Fd fd, Handle handle, CloseOnExec close_on_exec) {
    handle.object->opened();
    auto state = state_.lock();
    Slot& slot = state->slots[index_of(fd)];
    EXO_CHECK(slot.reserved && !slot.object, "a handle is committed that was not reserved");
    slot.reserved = false;
    slot.object = std::move(handle.object);
    slot.rights = handle.rights;
    slot.close_on_exec = close_on_exec;
}

}  // namespace exo
