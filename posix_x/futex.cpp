#include "posix_x/futex.h"

#include "kernel/core/wait_queue.h"
#include "posix_x/calls.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

/// Who may name a word: the threads of one address space, or whoever maps the memory behind it.
enum class Scope : std::uint8_t { kSpace, kShared };

/// What a futex is named by: the address in an address space or, in a shared mapping, the offset in
/// a memory object, which the key keeps so that its own address names no other object meanwhile.
/// Not to be dropped under a spin lock.
struct Key {
    const void* within = nullptr;
    std::uint64_t place = 0;
    RefPtr<MemoryObject> object;
    bool operator==(const Key& other) const {
        return within == other.within && place == other.place;
    }
};

/// One that waits, on its own stack. Guarded by its bucket's lock but for `woken`.
struct FutexWaiter {
    ListLink link;
    Key key;
    std::uint32_t bits = 0;
    Atomic<bool> woken{false};
    WaitQueue queue;
};

struct Bucket {
    List<FutexWaiter, &FutexWaiter::link> waiters;
};
using LockedBucket = Locked<Bucket, SpinLock<LockRank::kFutex>>;
constexpr std::size_t kBuckets = 256;
struct Table {
    LockedBucket buckets[kBuckets];
};
constinit Table* table = nullptr;

LockedBucket& bucket_of(const Key& key) {
    const std::uint64_t mixed =
        (key.place ^ reinterpret_cast<std::uintptr_t>(key.within)) * 0x9e3779b97f4a7c15;
    return table->buckets[mixed >> 56];
}

/// May sleep. FAULT: nothing a program can name; for the shared scope, which looks for the memory
/// behind it, also nothing mapped, or a private page that can never change.
Result<Key> key_of(UserAddr at, Scope scope) {
    if (at.value > arch::kUserEnd - sizeof(std::uint32_t)) return Errno::FAULT;
    AddressSpace* const space = this_task().process().space.get();
    if (scope == Scope::kSpace) return Key{space, at.value, {}};
    Result<MappingInfo> info = space->mapping_from(at.value);
    if (!info || info->begin > at.value || info->protection == Protection::kNone)
        return Errno::FAULT;
    if (!info->object && !has(info->protection, Protection::kWrite)) return Errno::FAULT;
    if (info->sharing != Sharing::kShared || !info->object) return Key{space, at.value, {}};
    const void* const within = info->object.get();
    return Key{within, info->object_offset + (at.value - info->begin), std::move(info->object)};
}

constexpr std::uint32_t kAllBits = ~std::uint32_t{0};

Result<long> wake(UserAddr at, Scope scope, std::uint32_t most, std::uint32_t bits) {
    const Key key = TRY(key_of(at, scope));
    auto bucket = bucket_of(key).lock();
    std::uint32_t woken = 0;
    for (FutexWaiter* each = bucket->waiters.front(); each != nullptr && woken < most;) {
        FutexWaiter* next = bucket->waiters.next(*each);
        if (each->key == key && (each->bits & bits) != 0) {
            each->link.unlink();
            // After this store the waiter may leave only by way of the bucket's lock.
            each->woken.store(true, std::memory_order_release);
            each->queue.wake_all();
            ++woken;
        }
        each = next;
    }
    return woken;
}

/// Takes a waiter that was not woken out again; in any case nobody touches it afterwards.
void withdraw(FutexWaiter& waiter) {
    auto bucket = bucket_of(waiter.key).lock();
    if (waiter.link.linked()) waiter.link.unlink();
}

/// Sleeps while the word is `expected`. AGAIN: it is not.
Result<long> wait(UserAddr at, Scope scope, std::uint32_t expected, std::uint32_t bits,
                  Deadline deadline) {
    FutexWaiter waiter;
    waiter.key = TRY(key_of(at, scope));
    waiter.bits = bits;
    {
        auto bucket = bucket_of(waiter.key).lock();
        bucket->waiters.push_back(waiter);
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

/// LINUX-DIFF: who would be moved to another word is woken instead. It finds its lock taken and
/// sleeps on that, which is what it would do after any spurious wake-up (futex(2)).
Result<long> requeue(UserAddr from, UserAddr to, Scope scope, std::uint32_t wakes,
                     std::uint32_t moves) {
    TRY(key_of(to, scope));
    std::uint32_t most;
    if (__builtin_add_overflow(wakes, moves, &most)) most = ~std::uint32_t{0};
    return wake(from, scope, most, kAllBits);
}

/// One lock of a dead thread's list (robust futexes: Documentation/locking/robust-futexes).
void release_lock(Task& task, UserAddr at) {
    std::uint32_t value;
    if (!read_user(&value, at, sizeof value)) return;
    while ((value & abi::kFutexTidMask) == static_cast<std::uint32_t>(task.tid)) {
        std::uint32_t seen;
        const std::uint32_t dead = (value & abi::kFutexWaiters) | abi::kFutexOwnerDied;
        if (!arch::compare_exchange_user(at.value, value, dead, seen)) return;
        if (seen == value) {
            if ((value & abi::kFutexWaiters) != 0) wake_futex(at, 1);
            return;
        }
        value = seen;
    }
}

}  // namespace

Result<void> create_futex_table() {
    table = new (std::nothrow) Table;
    if (table == nullptr) return Errno::NOMEM;
    return {};
}

void wake_futex(UserAddr at, std::uint32_t count) {
    // Where nothing is mapped, nobody waits.
    static_cast<void>(wake(at, Scope::kShared, count, kAllBits));
}

void release_robust_futexes(Task& task) {
    constexpr unsigned kMost = 2048;  // a list may be a circle
    if (task.robust_list.is_null()) return;
    abi::RobustListHead head;
    if (!read_user(&head, task.robust_list, sizeof head)) return;
    const auto offset = static_cast<std::uint64_t>(head.futex_offset);
    std::uint64_t at = head.next;
    for (unsigned i = 0; i < kMost && at != task.robust_list.value; ++i) {
        std::uint64_t next;
        if (!read_user(&next, UserAddr{at}, sizeof next)) break;
        release_lock(task, UserAddr{at + offset});
        at = next;
    }
    if (head.pending != 0) release_lock(task, UserAddr{head.pending + offset});
}

Result<long> sys_futex(Task&, UserAddr at, Flags operation, std::uint32_t value,
                       std::uint64_t timeout_at, UserAddr other, std::uint32_t third) {
    constexpr std::uint32_t kCommand = 0x7f;
    const std::uint32_t command = operation.bits & kCommand;
    if (at.value % sizeof(std::uint32_t) != 0) return Errno::INVAL;
    const Scope scope = operation.has(abi::kFutexPrivate) ? Scope::kSpace : Scope::kShared;
    const bool bitset = command == abi::kFutexWaitBitset || command == abi::kFutexWakeBitset;
    const std::uint32_t bits = bitset ? third : kAllBits;
    if (bits == 0) return Errno::INVAL;
    switch (command) {
        case abi::kFutexWait:
        case abi::kFutexWaitBitset: {
            Deadline deadline = Deadline::never();
            if (timeout_at != 0) {
                const abi::Timespec time = TRY(UserIn<abi::Timespec>{UserAddr{timeout_at}}.read());
                std::uint64_t ns = TRY(to_ns(time));
                const bool absolute = command == abi::kFutexWaitBitset;
                const std::uint64_t now =
                    operation.has(abi::kFutexRealtime) ? wall_clock_ns() : arch::now_ns();
                if (absolute) ns = ns > now ? ns - now : 0;
                deadline = Deadline::in(ns);
            }
            return wait(at, scope, value, bits, deadline);
        }
        case abi::kFutexWake:
        case abi::kFutexWakeBitset:
            return wake(at, scope, value, bits);
        case abi::kFutexCmpRequeue: {
            if (other.value % sizeof(std::uint32_t) != 0) return Errno::INVAL;
            TRY(key_of(at, scope));
            TRY(key_of(other, scope));
            const auto seen = TRY(UserIn<std::uint32_t>{at}.read());
            if (seen != third) return Errno::AGAIN;
            return requeue(at, other, scope, value, static_cast<std::uint32_t>(timeout_at));
        }
        case abi::kFutexRequeue:
            if (other.value % sizeof(std::uint32_t) != 0) return Errno::INVAL;
            return requeue(at, other, scope, value, static_cast<std::uint32_t>(timeout_at));
        default:
            return Errno::NOSYS;
    }
}

}  // namespace exo::posix
