// Memory: the axioms of C++20's atomics as a machine that executes one operation at a time, and
// lets the caller decide wherever the standard allows more than one result.
//
// Each location keeps all stores ever made to it, in modification order (mo). Each thread has a
// View: per location the mo-latest store it must know of, and a vector clock of the events that
// happen before its next one. A load may read any store not older than the thread's view of the
// location (coherence); a store may take any place in mo that is newer than the view, except
// between a store and the read-modify-write that read it (atomicity). A store carries the view of
// its release to whoever acquires it; a read-modify-write carries on the view of what it read
// (release sequences, [intro.races]). Fences gather and publish views ([atomics.fences]).
//
// seq_cst ([atomics.order] 4): S is the order of execution. One more view, `sc_`, holds what the
// operations so far in S know. A seq_cst access of a location must not be coherence-ordered before
// it; a seq_cst fence exchanges views with it.
//
// The source of the method: Kang et al., "A Promising Semantics for Relaxed-Memory Concurrency"
// (POPL 2017), without promises. So the model is RC11: happens-before and reads-from together have
// no cycle. Load buffering with relaxed atomics, which C++ allows, is not explored.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/base/model/operation.h"

namespace exo::model {

using StoreId = std::uint16_t;  // by time of creation within a location; 0 is the initial value

struct View {
    std::array<std::uint32_t, kMaxThreads> clock{};
    std::array<StoreId, kMaxLocations> seen{};
};

struct Store {
    std::uint64_t value = 0;
    View message;            // what an acquiring reader learns
    std::uint16_t rank = 0;  // place in modification order
    ThreadId thread = 0;
    bool read_by_rmw = false;  // its successor in mo is fixed
};

class Memory {
  public:
    /// Forgets everything; the first access of a location finds the value then in real memory.
    void reset();

    /// The location at `address`; made with `initial` as its value if not known. Empty when there
    /// are more than kMaxLocations.
    [[nodiscard]] std::optional<LocationId> locate(void* address, std::size_t size,
                                                   std::uint64_t initial);

    /// The object at `address` is made anew, with a new initial value.
    void forget(const void* address);

    /// Stores among which the caller must choose for apply(): which one is read, or after which
    /// one the new store goes. Newest first, never empty for an access of a location.
    [[nodiscard]] const std::vector<StoreId>& candidates(ThreadId thread, const Operation& op);

    struct Effect {
        std::uint64_t read = 0;
        std::uint64_t written = 0;
        bool success = true;     // of a compare-exchange
        std::uint16_t rank = 0;  // place in mo of what was read or written
        StoreId store = 0;       // which was read by a load, or made
        bool stale = false;      // a load that read another than the newest store
    };

    /// Executes `op` with the choice made; for fences `choice` is ignored.
    Effect apply(ThreadId thread, const Operation& op, StoreId choice);

    /// The newest value in modification order.
    [[nodiscard]] std::uint64_t newest_value(LocationId location) const;

    /// As a relaxed load that reads the newest store.
    std::uint64_t read_newest(ThreadId thread, LocationId location);

    /// Whether another thread made a store of `location` that is newer than `store`.
    [[nodiscard]] bool has_news(ThreadId thread, LocationId location, StoreId store) const;

    /// `thread` sees the newest store of each of `locations`, without synchronising.
    void catch_up(ThreadId thread, LocationSet locations);

    /// Everything `from` did happens before what `to` does next.
    void synchronise(ThreadId from, ThreadId to);

    [[nodiscard]] std::uint32_t clock(ThreadId knower, ThreadId of) const {
        return threads_[knower].now.clock[of];
    }

    [[nodiscard]] unsigned location_count() const { return location_count_; }
    [[nodiscard]] const void* address(LocationId location) const {
        return locations_[location].address;
    }

  private:
    struct Location {
        void* address = nullptr;
        std::uint8_t size = 0;
        std::vector<Store> stores;
        std::vector<StoreId> order;  // modification order, oldest first
    };

    struct ThreadState {
        View now;
        View acquired;  // of relaxed loads, for an acquire fence to come
        View released;  // `now` at the last release fence
    };

    [[nodiscard]] bool newer(LocationId location, StoreId a, StoreId b) const {
        return locations_[location].stores[a].rank > locations_[location].stores[b].rank;
    }
    void learn(View& view, const View& news) const;
    void see(View& view, LocationId location, StoreId store) const;
    void read_from(ThreadState& thread, LocationId location, StoreId store,
                   std::memory_order order);
    StoreId insert_after(ThreadId thread, const Operation& op, StoreId predecessor,
                         std::uint64_t value);
    void fence(ThreadState& thread, std::memory_order order);

    std::array<Location, kMaxLocations> locations_;
    unsigned location_count_ = 0;
    std::array<ThreadState, kMaxThreads> threads_;
    View sc_;
    std::vector<StoreId> candidates_;
};

}  // namespace exo::model
