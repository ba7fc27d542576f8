// The events of an inotify instance that are not read yet (inotify(7)). Unsynchronised.
#pragma once

#include "abi/linux/event.h"
#include "kernel/fs/dentry.h"
#include "lib/base/list.h"

namespace exo::posix {

/// An event as it is read: a header, then the name with NULs up to a whole number of headers.
struct InotifyRecord {
    abi::InotifyEvent header = {};
    DentryName name;
    [[nodiscard]] std::size_t bytes() const { return sizeof header + header.name_bytes; }
};

class InotifyQueue {
  public:
    /// Most events that are kept, besides the one that stands for all others.
    explicit InotifyQueue(std::uint32_t most) : most_(most) {}
    ~InotifyQueue();
    InotifyQueue(const InotifyQueue&) = delete;
    InotifyQueue& operator=(const InotifyQueue&) = delete;

    /// Puts an event behind the others. The same as the last of them: that says it already. No room
    /// for it, or no memory: IN_Q_OVERFLOW, once. False: nothing is to be read that was not before.
    bool push(std::int32_t watch, std::uint32_t mask, std::uint32_t cookie, std::string_view name);

    /// Takes the first event out, if there is one and it is not larger than `room`.
    enum class Taken : std::uint8_t { kNone, kTooLarge, kOne };
    Taken take(std::size_t room, InotifyRecord& to);

    [[nodiscard]] bool empty() const { return count_ == 0; }
    /// Of all events, as they are read.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct Event {
        ListLink link;
        InotifyRecord record;
    };
    void append(Event& event);
    bool overflow();

    const std::uint32_t most_;
    List<Event, &Event::link> events_;
    std::uint32_t count_ = 0;
    std::size_t bytes_ = 0;
    Event overflow_;
};

}  // namespace exo::posix
