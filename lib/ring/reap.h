// After an owner's death: its endpoints of an MPSC or MPMC ring are finished and freed. Slots that
// it had claimed as a producer and not published become kAbandoned; slots that it had claimed as a
// consumer go back to the producers, and their messages are lost and counted. (An SPSC ring and the
// consumer of an MPSC ring hold no claims: who attaches next goes on from the slots.)
//
// Why the right slots are given on, and no others. Call a position p stuck if it lies below the
// cursor (tail for producers, head for consumers), so that somebody, C, claimed it, and its header
// still says that C has not handed it over. C stored an intent that covers p before the swap that
// moved the cursor over p, and stores its next intent, or none, only after handing p over; all
// these are releases. The reaper (a) acquires a cursor above p, hence sees C's entry live with that
// intent or a later one; (b) looks at all live entries; (c) looks at the header. If C is alive,
// then either (b) finds its intent covering p, and p is left alone, or it found a later one, and
// then (c) sees the header handed over. So what no live intent covers and (c) finds stuck was
// claimed by the dead, whichever of them: giving it on is right, and by compare-and-swap it
// happens once. The dead one's own intent only says where to look.
// A live entry whose intent covers p without having claimed it is about to fail its swap: its
// next steps change the intent. Until then the reaper cannot know, keeps the entry, says AGAIN and
// is called again; nobody but the reaper waits for that. An intent that its owner never changes
// because that owner is dead too is settled when that one is declared dead.
// Death at any instruction leaves one of these states, so does the death of a reaper.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/ring/endpoint.h"
#include "lib/ring/layout.h"

namespace exo::ring {

struct ReapReport {
    std::uint32_t endpoints = 0;  ///< Entries freed.
    std::uint32_t abandoned = 0;  ///< Slots whose message never came; receivers skip them.
    std::uint32_t lost = 0;       ///< Messages that died with their consumer.
};

class Reaper {
  public:
    explicit Reaper(const RingMemory& memory) : memory_(memory) {}

    /// Finishes every endpoint of `owner`, which has executed its last instruction: what it wrote
    /// before must be visible to the caller (waitpid(2) or a join gives that). Any number of
    /// reapers may be at work, in any processes. AGAIN: a live endpoint is just about to lose a
    /// race for a slot in question; call again. Afterwards wake both sides: slots may have become
    /// usable. Work: at most endpoints x batch x endpoints, typically none.
    Result<ReapReport> reap(std::uint32_t owner) {
        bool pending = false;
        for (std::uint32_t index = 0; index < memory_.endpoint_count(); ++index) {
            auto& word = memory_.endpoint(index).owner;
            std::uint64_t seen = word.load(std::memory_order_acquire);
            auto entry = EndpointOwner::decode(seen);
            if (entry.owner != owner || entry.state == EndpointState::kFree) continue;
            if (entry.state != EndpointState::kDead) {
                entry.state = EndpointState::kDead;
                if (!word.compare_exchange_strong(seen, entry.encode(), std::memory_order_acq_rel,
                                                  std::memory_order_relaxed)) {
                    pending = true;
                    continue;
                }
            }
            if (!settle(index)) {
                pending = true;
                continue;
            }
            free_entry(word, entry);
        }
        if (pending) return Errno::AGAIN;
        return report_;
    }

  private:
    void free_entry(Atomic<std::uint64_t>& word, EndpointOwner entry) {
        std::uint64_t dead = entry.encode();
        entry.state = EndpointState::kFree;
        // The generation keeps a slow second reaper from freeing the entry's next user.
        if (word.compare_exchange_strong(dead, entry.encode(), std::memory_order_acq_rel,
                                         std::memory_order_relaxed)) {
            ++report_.endpoints;
        }
    }

    // Whether nothing that the dead endpoint `index` claimed is stuck any more.
    bool settle(std::uint32_t index) {
        const auto intent =
            ClaimIntent::decode(memory_.endpoint(index).intent.load(std::memory_order_acquire));
        const auto count =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(intent.count, memory_.capacity()));
        bool settled = true;
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t position = intent.position + i;
            if (intent.role == EndpointRole::kProducer) {
                settled = settle_slot(position, intent.role, memory_.header().tail) && settled;
            } else if (intent.role == EndpointRole::kConsumer) {
                settled = settle_slot(position, intent.role, memory_.header().head) && settled;
            }
        }
        return settled;
    }

    // False: a live intent is in the way. The order of the three looks is the argument above.
    bool settle_slot(std::uint32_t position, EndpointRole role,
                     const Atomic<std::uint64_t>& cursor) {
        const std::uint32_t reached = low(cursor.load(std::memory_order_acquire));
        if (static_cast<std::int32_t>(reached - position) <= 0) return true;  // nobody claimed it
        const bool contended = covered_by_living(position, role);
        auto& word = memory_.slot(position).header;
        std::uint64_t seen = word.load(std::memory_order_acquire);
        const bool producer = role == EndpointRole::kProducer;
        if (low(seen) != (producer ? position : position + 1)) return true;
        if (contended) return false;
        SlotHeader given_on{.sequence = position + low(memory_.capacity())};
        if (producer) given_on = {.sequence = position + 1, .kind = SlotKind::kAbandoned};
        if (!word.compare_exchange_strong(seen, given_on.encode(), std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
            return true;  // another reaper's
        }
        if (producer) {
            ++report_.abandoned;
        } else if (SlotHeader::decode(seen).kind != SlotKind::kAbandoned) {
            ++report_.lost;
            memory_.header().lost.fetch_add(1, std::memory_order_relaxed);
        }
        return true;
    }

    [[nodiscard]] bool covered_by_living(std::uint32_t position, EndpointRole role) const {
        for (std::uint32_t index = 0; index < memory_.endpoint_count(); ++index) {
            const auto& endpoint = memory_.endpoint(index);
            const auto state =
                EndpointOwner::decode(endpoint.owner.load(std::memory_order_acquire)).state;
            if (state == EndpointState::kFree || state == EndpointState::kDead) continue;
            const auto intent =
                ClaimIntent::decode(endpoint.intent.load(std::memory_order_acquire));
            if (intent.role == role && intent.covers(position)) return true;
        }
        return false;
    }

    RingMemory memory_;
    ReapReport report_;
};

}  // namespace exo::ring
