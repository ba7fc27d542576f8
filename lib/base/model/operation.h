// Operation: what a model thread is about to do that other threads can notice, announced before it
// happens; and Footprint, the part of it that decides whether two operations commute.
#pragma once

#include <atomic>
#include <cstdint>
#include <source_location>

namespace exo::model {

inline constexpr unsigned kMaxThreads = 8;
inline constexpr unsigned kMaxLocations = 64;

using ThreadId = std::uint8_t;
using LocationId = std::uint8_t;
using ThreadSet = std::uint32_t;    // one bit per ThreadId
using LocationSet = std::uint64_t;  // one bit per LocationId
static_assert(kMaxLocations <= 64 && kMaxThreads <= 32);

enum class Kind : std::uint8_t {
    kLoad,
    kStore,
    kExchange,
    kAdd,
    kSub,
    kAnd,
    kOr,
    kXor,
    kCompareExchange,
    kFence,
    kYield,  // waits until a location read since the last yield holds something newer
    kWait,   // futex(2) FUTEX_WAIT: sleeps if the newest value of a location is `expected`
    kWoken,  // the second half of a kWait that slept
    kWake,   // FUTEX_WAKE of at most `operand` sleepers
    kJoin,   // waits for the end or the death of a thread
    kExit,
};

struct Operation {
    Kind kind = Kind::kExit;
    LocationId location = 0;
    std::uint8_t size = 0;  // of the location, bytes: arithmetic wraps there
    bool weak = false;      // a compare-exchange that may fail without a reason
    ThreadId thread = 0;    // whom a kJoin waits for
    std::memory_order order = std::memory_order_seq_cst;
    std::memory_order failure_order = std::memory_order_seq_cst;
    std::uint64_t operand = 0;
    std::uint64_t expected = 0;
    LocationSet awaited = 0;  // of a kYield
    std::source_location where = std::source_location::current();
};

/// A part of a memory order that can be taken away.
enum class OrderPart : std::uint8_t {
    kAcquire,  // of the order, or of a compare-exchange that succeeds
    kRelease,
    kFailureAcquire,  // of a compare-exchange that fails
    kSeqCst,          // down to acquire, release or both, by the kind of operation
};

/// `op` without `part`; unchanged if it has no such part.
[[nodiscard]] Operation weakened(const Operation& op, OrderPart part);

/// What an operation touches, by the way it does. Sets of locations; `updates` is everything that
/// is neither a plain load nor a plain store: read-modify-writes, seq_cst accesses, waits, wakes.
struct Footprint {
    LocationSet loads = 0;
    LocationSet stores = 0;
    LocationSet updates = 0;
    LocationSet wakes = 0;     // locations whose sleepers it may wake
    LocationSet woken_by = 0;  // locations it waits at for a wake
    ThreadSet joins = 0;
    bool sc_access = false;
    bool sc_fence = false;
};

[[nodiscard]] Footprint footprint_of(const Operation& op);

/// Whether the order of the two can matter. Two plain loads of a location commute, and so do two
/// plain stores: a store may take any place in modification order that coherence allows
/// (memory.h), so both orders of execution reach the same set of states.
[[nodiscard]] constexpr bool conflict(const Footprint& a, const Footprint& b) {
    const LocationSet a_all = a.loads | a.stores | a.updates;
    const LocationSet b_all = b.loads | b.stores | b.updates;
    if ((a.updates & b_all) != 0 || (b.updates & a_all) != 0) return true;
    if ((a.loads & b.stores) != 0 || (a.stores & b.loads) != 0) return true;
    return (a.sc_fence && (b.sc_fence || b.sc_access)) || (b.sc_fence && a.sc_access);
}

/// Whether `later` can only happen because `earlier`, an operation of `thread`, did: an order that
/// no schedule can turn round.
[[nodiscard]] constexpr bool enables(const Footprint& earlier, ThreadId thread,
                                     const Footprint& later) {
    return (later.joins >> thread & 1) != 0 || (earlier.wakes & later.woken_by) != 0;
}

[[nodiscard]] const char* kind_name(Kind kind);
[[nodiscard]] const char* order_name(std::memory_order order);

[[nodiscard]] constexpr bool is_acquire(std::memory_order order) {
    return order == std::memory_order_acquire || order == std::memory_order_consume ||
           order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}

[[nodiscard]] constexpr bool is_release(std::memory_order order) {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

}  // namespace exo::model
