// What programs can hold. An object lives while it is referenced; it is *open* while handles name
// it, which is another count: the last handle that is closed calls on_last_close(), the last
// reference destroys (style: ref).
#pragma once

#include <cstdint>

#include "lib/base/ref.h"

namespace exo {

enum class ObjectType : std::uint8_t {
    kFile,
    kDirectory,
    kMemory,
    kPipe,
    kEvent,
    kReadySet,
    kTimer,
    kSignals,
    kInotify,
    kProcessFile,
    kProcess,
    kThread,
    kSocket,
    kDevice,
};

class Object : public RefCounted {
  public:
    [[nodiscard]] ObjectType type() const { return type_; }

    /// For handle tables and whoever else keeps an object open (a descriptor in flight).
    void opened() { handles_.fetch_add(1, std::memory_order_relaxed); }
    /// `table` (nullptr: none) had it. May sleep.
    void closed(const void* table = nullptr) {
        on_close(table);
        if (handles_.fetch_sub(1, std::memory_order_acq_rel) == 1) on_last_close();
    }

  protected:
    explicit Object(ObjectType type) : type_(type) {}

  private:
    /// A handle of it has gone from `table`, which may have others. May sleep.
    virtual void on_close(const void* /*table*/) {}
    /// Nobody names it any more: hang up, release locks, wake the other side. May sleep.
    virtual void on_last_close() {}

    const ObjectType type_;
    Atomic<std::uint32_t> handles_{0};
};

}  // namespace exo
