// The endpoint table of MPSC and MPMC rings: who sends and receives here, and which slots each has
// claimed, so that a reaper can finish what a dead one began (reap.h).
#pragma once

#include <cstdint>
#include <utility>

#include "lib/ring/layout.h"

namespace exo::ring {

using abi::ClaimIntent;
using abi::EndpointOwner;
using abi::EndpointRole;
using abi::EndpointState;

/// An entry of the table, held by one producer or consumer. Letting go of it frees the entry.
class [[nodiscard]] Registration {
  public:
    /// Takes a free entry for `owner`, the number by which its reaper knows the process (not by the
    /// ring). NOSPC: all entries are taken.
    static Result<Registration> create(const RingMemory& memory, std::uint32_t owner,
                                       EndpointRole role) {
        for (std::uint32_t index = 0; index < memory.endpoint_count(); ++index) {
            auto& word = memory.endpoint(index).owner;
            std::uint64_t seen = word.load(std::memory_order_relaxed);
            const auto entry = EndpointOwner::decode(seen);
            if (entry.state != EndpointState::kFree) continue;
            const EndpointOwner mine{.owner = owner,
                                     .generation = static_cast<std::uint16_t>(entry.generation + 1),
                                     .role = role,
                                     .state = EndpointState::kLive};
            if (word.compare_exchange_strong(seen, mine.encode(), std::memory_order_acq_rel,
                                             std::memory_order_relaxed)) {
                Registration registration(memory.endpoint(index), index, mine);
                registration.clear_intent();  // a dead user's is left standing by its reaper
                return registration;
            }
        }
        return Errno::NOSPC;
    }

    Registration(Registration&& other) noexcept
        : endpoint_(std::exchange(other.endpoint_, nullptr)),
          index_(other.index_),
          owner_(other.owner_) {}
    Registration& operator=(Registration&&) = delete;
    ~Registration() {
        if (endpoint_ == nullptr) return;
        clear_intent();
        // Only if it is still ours: a reaper may have taken us for dead.
        std::uint64_t mine = owner_.encode();
        EndpointOwner free = owner_;
        free.state = EndpointState::kFree;
        endpoint_->owner.compare_exchange_strong(mine, free.encode(), std::memory_order_release,
                                                 std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint32_t index() const { return index_; }

    /// To be called before the compare-and-swap that claims `count` slots at `position`. Release,
    /// like clear_intent(): whoever reads this or a later intent sees every slot that an earlier
    /// claim of ours published.
    void set_intent(std::uint64_t position, std::uint32_t count) {
        const ClaimIntent intent{.position = low(position),
                                 .count = static_cast<std::uint16_t>(count),
                                 .role = owner_.role};
        endpoint_->intent.store(intent.encode(), std::memory_order_release);
    }

    /// To be called once every claimed slot is published, or the claim has failed.
    void clear_intent() { endpoint_->intent.store(0, std::memory_order_release); }

  private:
    Registration(Endpoint& endpoint, std::uint32_t index, EndpointOwner owner)
        : endpoint_(&endpoint), index_(index), owner_(owner) {}

    Endpoint* endpoint_;
    std::uint32_t index_;
    EndpointOwner owner_;
};

}  // namespace exo::ring
