// Handles on their way in a message. They keep their objects open until they are received or
// dropped. Dropping one may close a socket that holds messages with handles itself: that is done by
// a list, so that no chain of them recurses.
#pragma once

#include <span>

#include "kernel/object/handle_table.h"
#include "lib/base/box.h"
#include "lib/base/list.h"

namespace exo {

class SentHandles final : public RefCounted {
  public:
    static constexpr std::size_t kMost = 253;  ///< in a message: SCM_MAX_FD
    /// In all messages of the machine: what sockets that were sent into each other can keep.
    static constexpr std::uint32_t kMostInFlight = 1 << 16;

    /// NOMEM.
    static Result<Ref<SentHandles>> create();

    /// NOMEM; INVAL: more than kMost; TOOMANYREFS: more than kMostInFlight.
    Result<void> add(Handle handle);
    [[nodiscard]] std::span<const Handle> all() const { return bundle_->handles; }

    /// On their way now, in all messages.
    [[nodiscard]] static std::uint32_t in_flight();

  private:
    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);

    struct Bundle {
        ListLink link;
        Vector<Handle> handles;
    };
    struct Doomed;
    static Doomed doomed;

    explicit SentHandles(Box<Bundle> bundle) : bundle_(std::move(bundle)) {}
    /// Closes what it holds, or leaves that to who is doing so already. May sleep.
    ~SentHandles() override;

    Box<Bundle> bundle_;
};

}  // namespace exo
