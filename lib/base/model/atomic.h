// The instrumented Atomic<T> of model checks: the interface of std::atomic, the size and layout of
// T. In a model thread each operation is a scheduling point whose result the checker decides
// (checker.h); elsewhere, in set-up code and final checks, it is an ordinary access.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "lib/base/model/operation.h"

namespace exo::model {

struct Outcome {
    std::uint64_t value = 0;  // what was read
    bool success = true;      // of a compare-exchange, a wait (slept) or a wake (woke someone)
};

/// Whether the caller runs as a model thread.
[[nodiscard]] bool in_thread();

/// Performs `op` on the location at `address`, of `size` bytes and, when it is touched for the
/// first time, of value `initial`. Only in a model thread.
Outcome perform(const Operation& op, void* address, std::size_t size, std::uint64_t initial);

/// As std::atomic_thread_fence.
void fence(std::memory_order order, std::source_location where = std::source_location::current());

inline void fence_seq_cst(std::source_location where = std::source_location::current()) {
    fence(std::memory_order_seq_cst, where);
}

/// The end of a round, of a loop that waits for others: goes on when something that the thread has
/// read in the round (or since its last yield, if begin_round() did not say) has changed. A loop
/// that nobody can end is reported as a deadlock.
void yield(std::source_location where = std::source_location::current());

/// The start of a round.
void begin_round();

/// Tells the race detector of ordinary accesses (EXO_RACE_CHECK_READ and _WRITE in
/// lib/base/atomic.h).
void plain_read(const void* address, std::size_t size,
                std::source_location where = std::source_location::current());
void plain_write(const void* address, std::size_t size,
                 std::source_location where = std::source_location::current());

/// An atomic was constructed at `address`: what the checker knew of that memory is void.
void constructed(const void* address);

}  // namespace exo::model

namespace exo {

template <typename T>
class Atomic {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    using Order = std::memory_order;
    using Where = std::source_location;

  public:
    using value_type = T;
    // NOLINTNEXTLINE(readability-identifier-naming): std::atomic's name
    static constexpr bool is_always_lock_free = true;

    constexpr Atomic() : Atomic(T{}) {}
    constexpr Atomic(T value) : value_(value) {
        if (!std::is_constant_evaluated()) model::constructed(this);
    }
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    [[nodiscard]] bool is_lock_free() const { return true; }

    [[nodiscard]] T load(Order order = std::memory_order_seq_cst,
                         Where where = Where::current()) const {
        if (!model::in_thread()) return value_;
        return from_bits(run({.kind = model::Kind::kLoad, .order = order, .where = where}).value);
    }

    void store(T value, Order order = std::memory_order_seq_cst, Where where = Where::current()) {
        if (!model::in_thread()) {
            value_ = value;
            return;
        }
        run({.kind = model::Kind::kStore, .order = order, .operand = bits(value), .where = where});
    }

    T exchange(T value, Order order = std::memory_order_seq_cst, Where where = Where::current()) {
        return modify(model::Kind::kExchange, value, order, where, value);
    }

    bool compare_exchange_strong(T& expected, T desired, Order success, Order failure,
                                 Where where = Where::current()) {
        return compare_exchange(expected, desired, success, failure, false, where);
    }
    bool compare_exchange_strong(T& expected, T desired, Order order = std::memory_order_seq_cst,
                                 Where where = Where::current()) {
        return compare_exchange(expected, desired, order, without_release(order), false, where);
    }
    bool compare_exchange_weak(T& expected, T desired, Order success, Order failure,
                               Where where = Where::current()) {
        return compare_exchange(expected, desired, success, failure, true, where);
    }
    bool compare_exchange_weak(T& expected, T desired, Order order = std::memory_order_seq_cst,
                               Where where = Where::current()) {
        return compare_exchange(expected, desired, order, without_release(order), true, where);
    }

    T fetch_add(T value, Order order = std::memory_order_seq_cst, Where where = Where::current())
        requires std::is_integral_v<T>
    {
        return modify(model::Kind::kAdd, value, order, where, static_cast<T>(value_ + value));
    }
    T fetch_sub(T value, Order order = std::memory_order_seq_cst, Where where = Where::current())
        requires std::is_integral_v<T>
    {
        return modify(model::Kind::kSub, value, order, where, static_cast<T>(value_ - value));
    }
    T fetch_and(T value, Order order = std::memory_order_seq_cst, Where where = Where::current())
        requires std::is_integral_v<T>
    {
        return modify(model::Kind::kAnd, value, order, where, static_cast<T>(value_ & value));
    }
    T fetch_or(T value, Order order = std::memory_order_seq_cst, Where where = Where::current())
        requires std::is_integral_v<T>
    {
        return modify(model::Kind::kOr, value, order, where, static_cast<T>(value_ | value));
    }
    T fetch_xor(T value, Order order = std::memory_order_seq_cst, Where where = Where::current())
        requires std::is_integral_v<T>
    {
        return modify(model::Kind::kXor, value, order, where, static_cast<T>(value_ ^ value));
    }

    operator T() const { return load(); }
    T operator=(T value) {
        store(value);
        return value;
    }

    /// The location's address and value for operations that are not std::atomic's (checker.h).
    model::Outcome run(const model::Operation& op) const {
        return model::perform(op, &value_, sizeof(T), bits(value_));
    }
    [[nodiscard]] static std::uint64_t bits(T value) {
        std::uint64_t raw = 0;
        std::memcpy(&raw, &value, sizeof(T));
        return raw;
    }

  private:
    static T from_bits(std::uint64_t raw) {
        T value;
        std::memcpy(&value, &raw, sizeof(T));
        return value;
    }

    static constexpr Order without_release(Order order) {
        if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
        return order == std::memory_order_release ? std::memory_order_relaxed : order;
    }

    // `direct` is the new value where no checker runs.
    T modify(model::Kind kind, T value, Order order, Where where, T direct) {
        if (!model::in_thread()) {
            const T old = value_;
            value_ = direct;
            return old;
        }
        return from_bits(
            run({.kind = kind, .order = order, .operand = bits(value), .where = where}).value);
    }

    bool compare_exchange(T& expected, T desired, Order success, Order failure, bool weak,
                          Where where) {
        if (!model::in_thread()) {
            const bool equal = bits(value_) == bits(expected);
            expected = value_;
            if (equal) value_ = desired;
            return equal;
        }
        const auto outcome = run({.kind = model::Kind::kCompareExchange,
                                  .weak = weak,
                                  .order = success,
                                  .failure_order = failure,
                                  .operand = bits(desired),
                                  .expected = bits(expected),
                                  .where = where});
        if (!outcome.success) expected = from_bits(outcome.value);
        return outcome.success;
    }

    alignas(sizeof(T)) mutable T value_;
};

}  // namespace exo
