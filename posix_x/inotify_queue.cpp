#include "posix_x/inotify_queue.h"

#include <new>
#include <utility>

namespace exo::posix {

namespace {

/// With at least one NUL, to a whole number of headers, as programs step from event to event.
std::uint32_t padded(std::size_t name_bytes) {
    constexpr std::size_t kUnit = sizeof(abi::InotifyEvent);
    return name_bytes == 0 ? 0 : static_cast<std::uint32_t>((name_bytes + kUnit) / kUnit * kUnit);
}

}  // namespace

InotifyQueue::~InotifyQueue() {
    while (Event* event = events_.pop_front())
        if (event != &overflow_) delete event;
}

void InotifyQueue::append(Event& event) {
    events_.push_back(event);
    ++count_;
    bytes_ += event.record.bytes();
}

bool InotifyQueue::overflow() {
    if (overflow_.link.linked()) return false;
    overflow_.record.header = {.watch = -1, .mask = abi::kInOverflow, .cookie = 0, .name_bytes = 0};
    append(overflow_);
    return true;
}

bool InotifyQueue::push(std::int32_t watch, std::uint32_t mask, std::uint32_t cookie,
                        std::string_view name) {
    if (count_ >= most_) return overflow();
    if (Event* const last = events_.back(); last != nullptr && mask != abi::kInIgnored) {
        const InotifyRecord& before = last->record;
        if (before.header.watch == watch && before.header.mask == mask &&
            before.name.view() == name) {
            return false;
        }
    }
    auto* const event = new (std::nothrow) Event;
    if (event == nullptr) return overflow();
    if (!event->record.name.assign(name)) {
        delete event;
        return overflow();
    }
    event->record.header = {
        .watch = watch, .mask = mask, .cookie = cookie, .name_bytes = padded(name.size())};
    append(*event);
    return true;
}

InotifyQueue::Taken InotifyQueue::take(std::size_t room, InotifyRecord& to) {
    Event* const first = events_.front();
    if (first == nullptr) return Taken::kNone;
    if (first->record.bytes() > room) return Taken::kTooLarge;
    first->link.unlink();
    --count_;
    bytes_ -= first->record.bytes();
    to.header = first->record.header;
    to.name.swap(first->record.name);
    if (first != &overflow_) delete first;
    return Taken::kOne;
}

}  // namespace exo::posix
