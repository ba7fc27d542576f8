#include "posix_x/futex.h"

#include <algorithm>

#include "kernel/core/wait_queue.h"
#include "posix_x/calls.h"
#include "posix_x/pi_futex.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

struct Bucket;

/// One that waits, on its own stack. Guarded by its bucket's lock but for `woken`.
struct FutexWaiter {
    ListLink link;
    FutexKey key;
    /// Where it stands; changes, under both locks, when it is moved to another word.
    Atomic<Bucket*> bucket{nullptr};
    std::uint32_t bits = 0;
    Atomic<bool> woken{false};
    WaitQueue queue;
};

struct Bucket {
    SpinLock<LockRank::kFutex> lock;
    List<FutexWaiter, &FutexWaiter::link> waiters;  // guarded by it
};
struct Table {
    Bucket buckets[FutexKey::kHashes];
};
constinit Table* table = nullptr;

Bucket& bucket_of(const FutexKey& key) {
    return table->buckets[key.hash()];
}

/// Holds two buckets, which may be the same. Waits for one only while it does not hold the other.
class TwoBuckets {
  public:
    TwoBuckets(Bucket& a, Bucket& b) NO_THREAD_SAFETY_ANALYSIS : a_(a), b_(b) {
        for (;;) {
            a_.lock.acquire();
            if (&a_ == &b_ || b_.lock.try_acquire()) return;
            a_.lock.release();
            cpu_relax();
        }
    }
    ~TwoBuckets() NO_THREAD_SAFETY_ANALYSIS {
        if (&a_ != &b_) b_.lock.release();
        a_.lock.release();
    }
    TwoBuckets(const TwoBuckets&) = delete;
    TwoBuckets& operator=(const TwoBuckets&) = delete;

  private:
    Bucket& a_;
    Bucket& b_;
};

constexpr std::uint32_t kAllBits = ~std::uint32_t{0};

/// Takes a waiter off its bucket, which is locked, and lets it go on.
void release(FutexWaiter& waiter) {
    waiter.link.unlink();
    // After this store the waiter may leave only by way of the bucket's lock.
    waiter.woken.store(true, std::memory_order_release);
    waiter.queue.wake_all();
}

/// Wakes up to `most` that wait for one of `bits` on what `key` names. The bucket is locked.
std::uint32_t wake_in(Bucket& bucket, const FutexKey& key, std::uint32_t most, std::uint32_t bits) {
    std::uint32_t woken = 0;
    for (FutexWaiter* each = bucket.waiters.front(); each != nullptr && woken < most;) {
        FutexWaiter* const next = bucket.waiters.next(*each);
        if (each->key == key && (each->bits & bits) != 0) {
            release(*each);
            ++woken;
        }
        each = next;
    }
    return woken;
}

Result<long> wake(UserAddr at, FutexScope scope, std::uint32_t most, std::uint32_t bits) {
    const FutexKey key = TRY(futex_key(at, scope));
    std::uint32_t woken;
    {
        Bucket& bucket = bucket_of(key);
        const WakeBatch batch;
        const SpinGuard guard(bucket.lock);
        woken = wake_in(bucket, key, most, bits);
    }
    if (woken == 0 && is_pi_futex(key)) return Errno::INVAL;
    return woken;
}

/// Takes a waiter that was not woken out again; in any case nobody touches it afterwards.
void withdraw(FutexWaiter& waiter) {
    for (;;) {
        Bucket& bucket = *waiter.bucket.load(std::memory_order_acquire);
        const SpinGuard guard(bucket.lock);
        // It may have been moved before the lock was held; then it stands elsewhere.
        if (waiter.bucket.load(std::memory_order_relaxed) != &bucket) continue;
        if (waiter.link.linked()) waiter.link.unlink();
        return;
    }
}

/// Sleeps while the word is `expected`. AGAIN: it is not.
Result<long> wait(UserAddr at, FutexScope scope, std::uint32_t expected, std::uint32_t bits,
                  Deadline deadline) {
    FutexWaiter waiter;
    waiter.key = TRY(futex_key(at, scope));
    waiter.bits = bits;
    {
        Bucket& bucket = bucket_of(waiter.key);
        const SpinGuard guard(bucket.lock);
        waiter.bucket.store(&bucket, std::memory_order_relaxed);
        bucket.waiters.push_back(waiter);
    }
    // In the queue first, then the look: who changes the word and wakes afterwards finds the
    // waiter.
    const auto seen = UserIn<std::uint32_t>{at}.read();
    if (!seen || *seen != expected) {
        withdraw(waiter);
        return seen ? Errno::AGAIN : seen.error();
    }
    const Result<void> slept =
        waiter.queue.wait([&] { return waiter.woken.load(std::memory_order_acquire); }, deadline);
    withdraw(waiter);
    if (waiter.woken.load(std::memory_order_acquire)) return 0;
    return slept.error();
}

/// Moves up to kBatch waiters from one word to another; how many. Their keys are given back
/// without the locks.
constexpr std::uint32_t kBatch = 16;
std::uint32_t move_some(const FutexKey& from, const FutexKey& to, std::uint32_t most) {
    FutexKey keys[kBatch];
    for (FutexKey& each : keys) each = to;
    Bucket& source = bucket_of(from);
    Bucket& target = bucket_of(to);
    const WakeBatch batch;
    const TwoBuckets guard(source, target);
    std::uint32_t moved = 0;
    for (FutexWaiter* each = source.waiters.front(); each != nullptr;) {
        FutexWaiter* const next = source.waiters.next(*each);
        if (each->key == from) {
            if (moved == std::min(most, kBatch)) break;
            std::swap(each->key, keys[moved++]);
            each->link.unlink();
            target.waiters.push_back(*each);
            each->bucket.store(&target, std::memory_order_release);
        }
        each = next;
    }
    return moved;
}

/// FUTEX_REQUEUE, FUTEX_CMP_REQUEUE: how many were woken and moved.
Result<long> requeue(UserAddr from, UserAddr to, FutexScope scope, std::uint32_t wakes,
                     std::uint32_t moves) {
    const FutexKey source = TRY(futex_key(from, scope));
    const FutexKey target = TRY(futex_key(to, scope));
    std::uint32_t done;
    {
        Bucket& bucket = bucket_of(source);
        const SpinGuard guard(bucket.lock);
        done = wake_in(bucket, source, wakes, kAllBits);
    }
    if (source == target) return done;  // LINUX-DIFF: which counts those that stay
    std::uint32_t moved = 0;
    while (moved < moves) {
        const std::uint32_t some = move_some(source, target, moves - moved);
        moved += some;
        if (some < kBatch) break;
    }
    return done + moved;
}

/// What FUTEX_WAKE_OP does to the second word, and asks of what was there (futex(2)).
struct WordOperation {
    std::uint32_t operation, comparison;
    std::int32_t operand, compared;

    static WordOperation decode(std::uint32_t bits) {
        constexpr std::uint32_t kShift = 8;
        const auto extended = [](std::uint32_t twelve) {
            return static_cast<std::int32_t>(twelve << 20) >> 20;
        };
        WordOperation decoded{bits >> 28 & 7, bits >> 24 & 15, extended(bits >> 12 & 0xfff),
                              extended(bits & 0xfff)};
        // Linux takes a shift by more bits than a word has modulo those.
        if ((bits >> 28 & kShift) != 0)
            decoded.operand = static_cast<std::int32_t>(1u << (decoded.operand & 31));
        return decoded;
    }

    /// NOSYS: no such operation.
    [[nodiscard]] Result<std::uint32_t> apply(std::uint32_t old) const {
        const auto with = static_cast<std::uint32_t>(operand);
        switch (operation) {
            case 0:
                return with;
            case 1:
                return old + with;
            case 2:
                return old | with;
            case 3:
                return old & ~with;
            case 4:
                return old ^ with;
            default:
                return Errno::NOSYS;
        }
    }

    [[nodiscard]] Result<bool> compare(std::uint32_t old_bits) const {
        const auto old = static_cast<std::int32_t>(old_bits);
        switch (comparison) {
            case 0:
                return old == compared;
            case 1:
                return old != compared;
            case 2:
                return old < compared;
            case 3:
                return old <= compared;
            case 4:
                return old > compared;
            case 5:
                return old >= compared;
            default:
                return Errno::NOSYS;
        }
    }
};

/// FUTEX_WAKE_OP: changes `other`, wakes waiters of `at` and, if what was there compares so, of
/// `other`.
Result<long> wake_after_change(UserAddr at, UserAddr other, FutexScope scope, std::uint32_t wakes,
                               std::uint32_t other_wakes, WordOperation change) {
    TRY(futex_key(at, scope));
    TRY(futex_key(other, scope));
    std::uint32_t old = TRY(UserIn<std::uint32_t>{other}.read());
    for (;;) {
        std::uint32_t seen;
        if (!arch::compare_exchange_user(other.value, old, TRY(change.apply(old)), seen))
            return Errno::FAULT;
        if (seen == old) break;
        old = seen;
    }
    const bool others = TRY(change.compare(old));
    long woken = TRY(wake(at, scope, wakes, kAllBits));
    if (others) woken += TRY(wake(other, scope, other_wakes, kAllBits));
    return woken;
}

/// Linux wakes one where it is asked for none, or for fewer.
std::uint32_t at_least_one(std::uint32_t count) {
    return static_cast<std::int32_t>(count) < 1 ? 1 : count;
}

/// Of requeuing, though, no count may be negative: INVAL.
Result<void> check_counts(std::uint32_t wakes, std::uint64_t moves) {
    const bool negative =
        static_cast<std::int32_t>(wakes) < 0 || static_cast<std::int32_t>(moves) < 0;
    return negative ? Result<void>(Errno::INVAL) : Result<void>();
}

/// An element of a robust list.
struct RobustEntry {
    std::uint64_t at;
    bool inherits;  ///< priority
    static RobustEntry decode(std::uint64_t word) {
        return {word & ~abi::kRobustPi, (word & abi::kRobustPi) != 0};
    }
};

/// One lock of a dead thread's list (robust futexes: Documentation/locking/robust-futexes).
/// `pending`: it was about to lock or unlock it, and may have died between unlocking and waking.
void release_lock(Task& task, RobustEntry entry, std::uint64_t offset, bool pending) {
    const UserAddr at{entry.at + offset};
    std::uint32_t value;
    if (!read_user(&value, at, sizeof value)) return;
    if (pending && !entry.inherits && value == 0) return wake_futex(at, 1);
    while ((value & abi::kFutexTidMask) == static_cast<std::uint32_t>(task.tid)) {
        std::uint32_t seen;
        const std::uint32_t dead = (value & abi::kFutexWaiters) | abi::kFutexOwnerDied;
        if (!arch::compare_exchange_user(at.value, value, dead, seen)) return;
        if (seen == value) {
            if ((value & abi::kFutexWaiters) != 0 && !entry.inherits) wake_futex(at, 1);
            return;
        }
        value = seen;
    }
}

}  // namespace

bool has_futex_waiters(const FutexKey& key) {
    Bucket& bucket = bucket_of(key);
    const SpinGuard guard(bucket.lock);
    for (FutexWaiter* each = bucket.waiters.front(); each != nullptr;
         each = bucket.waiters.next(*each)) {
        if (each->key == key) return true;
    }
    return false;
}

Result<void> create_futex_table() {
    TRY(create_pi_futex_table());
    table = new (std::nothrow) Table;
    if (table == nullptr) return Errno::NOMEM;
    return {};
}

void wake_futex(UserAddr at, std::uint32_t count) {
    // Where nothing is mapped, nobody waits.
    static_cast<void>(wake(at, FutexScope::kShared, count, kAllBits));
}

void release_robust_futexes(Task& task) {
    constexpr unsigned kMost = 2048;  // a list may be a circle
    if (task.robust_list.is_null()) return;
    abi::RobustListHead head;
    if (!read_user(&head, task.robust_list, sizeof head)) return;
    const auto offset = static_cast<std::uint64_t>(head.futex_offset);
    const RobustEntry pending = RobustEntry::decode(head.pending);
    RobustEntry entry = RobustEntry::decode(head.next);
    for (unsigned i = 0; i < kMost && entry.at != task.robust_list.value; ++i) {
        // Read before: who gets the lock may change the list.
        std::uint64_t next;
        const bool goes_on = read_user(&next, UserAddr{entry.at}, sizeof next).has_value();
        if (entry.at != pending.at) release_lock(task, entry, offset, false);
        if (!goes_on) break;
        entry = RobustEntry::decode(next);
    }
    if (pending.at != 0) release_lock(task, pending, offset, true);
}

namespace {

constexpr std::uint32_t kCommandMask = 0x7f;

FutexScope scope_of(Flags operation) {
    return operation.has(abi::kFutexPrivate) ? FutexScope::kSpace : FutexScope::kShared;
}

enum class TimeoutIs : std::uint8_t { kRelative, kAbsolute };
enum class TimeoutClock : std::uint8_t { kMonotonic, kRealtime };

/// FAULT, INVAL. None: never.
Result<Deadline> read_deadline(std::uint64_t timeout_at, TimeoutIs kind, TimeoutClock clock) {
    if (timeout_at == 0) return Deadline::never();
    const abi::Timespec time = TRY(UserIn<abi::Timespec>{UserAddr{timeout_at}}.read());
    std::uint64_t ns = TRY(to_ns(time));
    const std::uint64_t now = clock == TimeoutClock::kRealtime ? wall_clock_ns() : arch::now_ns();
    if (kind == TimeoutIs::kAbsolute) ns = ns > now ? ns - now : 0;
    return Deadline::in(ns);
}

TimeoutClock clock_of(Flags operation) {
    return operation.has(abi::kFutexRealtime) ? TimeoutClock::kRealtime : TimeoutClock::kMonotonic;
}

/// The commands of locks with priority inheritance. NOSYS: it is none of them.
[[gnu::noinline]] Result<long> lock_command(Task& task, UserAddr at, Flags operation,
                                            std::uint64_t timeout_at) {
    const std::uint32_t command = operation.bits & kCommandMask;
    if (operation.has(abi::kFutexRealtime) && command != abi::kFutexLockPi2) return Errno::NOSYS;
    const FutexScope scope = scope_of(operation);
    switch (command) {
        case abi::kFutexLockPi:
        case abi::kFutexLockPi2: {
            // The older of the two knew of one clock only.
            const TimeoutClock clock =
                command == abi::kFutexLockPi ? TimeoutClock::kRealtime : clock_of(operation);
            const Deadline deadline = TRY(read_deadline(timeout_at, TimeoutIs::kAbsolute, clock));
            return lock_pi_futex(task, at, scope, deadline, PiWait::kYes);
        }
        case abi::kFutexTrylockPi:
            return lock_pi_futex(task, at, scope, Deadline::never(), PiWait::kNo);
        case abi::kFutexUnlockPi:
            return unlock_pi_futex(task, at, scope);
        default:
            return Errno::NOSYS;
    }
}

}  // namespace

Result<long> sys_futex(Task& task, UserAddr at, Flags operation, std::uint32_t value,
                       std::uint64_t timeout_at, UserAddr other, std::uint32_t third) {
    const std::uint32_t command = operation.bits & kCommandMask;
    const bool aligned = at.value % sizeof(std::uint32_t) == 0;
    if (!aligned && command != abi::kFutexUnlockPi) return Errno::INVAL;
    const FutexScope scope = scope_of(operation);
    const bool bitset = command == abi::kFutexWaitBitset || command == abi::kFutexWakeBitset;
    const std::uint32_t bits = bitset ? third : kAllBits;
    if (bits == 0) return Errno::INVAL;
    switch (command) {
        case abi::kFutexWait:
        case abi::kFutexWaitBitset: {
            const TimeoutIs kind = bitset ? TimeoutIs::kAbsolute : TimeoutIs::kRelative;
            const Deadline deadline = TRY(read_deadline(timeout_at, kind, clock_of(operation)));
            return wait(at, scope, value, bits, deadline);
        }
        case abi::kFutexWake:
        case abi::kFutexWakeBitset:
            return wake(at, scope, at_least_one(value), bits);
        case abi::kFutexWakeOp:
            if (other.value % sizeof(std::uint32_t) != 0) return Errno::INVAL;
            return wake_after_change(at, other, scope, at_least_one(value),
                                     at_least_one(static_cast<std::uint32_t>(timeout_at)),
                                     WordOperation::decode(third));
        case abi::kFutexCmpRequeue: {
            if (other.value % sizeof(std::uint32_t) != 0) return Errno::INVAL;
            TRY(check_counts(value, timeout_at));
            TRY(futex_key(at, scope));
            TRY(futex_key(other, scope));
            const auto seen = TRY(UserIn<std::uint32_t>{at}.read());
            if (seen != third) return Errno::AGAIN;
            return requeue(at, other, scope, value, static_cast<std::uint32_t>(timeout_at));
        }
        case abi::kFutexRequeue:
            if (other.value % sizeof(std::uint32_t) != 0) return Errno::INVAL;
            TRY(check_counts(value, timeout_at));
            return requeue(at, other, scope, value, static_cast<std::uint32_t>(timeout_at));
        default:
            return lock_command(task, at, operation, timeout_at);
    }
}

}  // namespace exo::posix
