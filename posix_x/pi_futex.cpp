#include "posix_x/pi_futex.h"

#include "kernel/core/wait_queue.h"
#include "lib/base/box.h"
#include "posix_x/futex.h"
#include "posix_x/process_table.h"

namespace exo::posix {
namespace {

using Word = std::uint32_t;

/// A lock that is waited for.
struct PiFutex final : PiLock {
    FutexKey key;
    ListLink bucket_link;
    /// Its owner has not yet put its own id into the word, after the death of the one before: the
    /// word is another's memory, perhaps, and so the new owner's to write.
    bool word_is_stale = false;
};

/// On the stack of who waits.
struct FutexWait final : PiWaiter {
    using PiWaiter::PiWaiter;
    /// Handed over to it. Set with the graph locked, after which it leaves by way of that lock.
    Atomic<bool> owns{false};
    bool owner_died = false;
    WaitQueue queue;
};

struct Graph {
    List<PiFutex, &PiFutex::bucket_link> buckets[FutexKey::kHashes];

    PiFutex* find(const FutexKey& key) {
        auto& bucket = buckets[key.hash()];
        for (PiFutex* each = bucket.front(); each != nullptr; each = bucket.next(*each))
            if (each->key == key) return each;
        return nullptr;
    }
};
using LockedGraph = Locked<Graph, SpinLock<LockRank::kPiFutex>>;
constinit LockedGraph* graph = nullptr;
/// How many are in the graph: a look without the lock.
constinit Atomic<std::uint32_t> futex_count{0};

/// Keeps what is not used any more until the graph is unlocked: keys are not dropped under it.
struct Discarded {
    PiFutex* futex = nullptr;
    ~Discarded() { delete futex; }
};

Task& task_of(PiThread& thread) {
    return static_cast<Task&>(static_cast<PiTask&>(thread).thread());
}

Word tid_of(Word word) {
    return word & abi::kFutexTidMask;
}

/// With the graph locked, or any lock, it does not wait for the page: false.
bool exchange(UserAddr at, Word expected, Word desired) {
    Word seen;
    return arch::compare_exchange_user(at.value, expected, desired, seen) && seen == expected;
}

/// The word, and its page there and writable. FAULT. May sleep.
Result<Word> touch(UserAddr at) {
    const Word value = TRY(UserIn<Word>{at}.read());
    Word seen;
    if (!arch::compare_exchange_user(at.value, value, value, seen)) return Errno::FAULT;
    return seen;
}

/// Between two attempts, of which the program may make any number necessary.
Result<void> go_on(Task& task) {
    if (task.interrupted()) return Errno::RESTARTNOINTR;
    if (should_yield()) yield();
    return {};
}

RefPtr<Task> find_owner(Word word) {
    if (tid_of(word) == 0) return {};
    auto table = process_table().lock();
    return RefPtr<Task>(table->find_task(static_cast<Pid>(tid_of(word))));
}

// What follows is called with the graph locked.

void discard_if_unused(PiFutex& futex, Discarded& discarded) {
    if (futex.first() != nullptr || futex.word_is_stale) return;
    static_cast<void>(futex.hand_over());  // to nobody: its owner owns it no more
    futex.bucket_link.unlink();
    futex_count.fetch_sub(1, std::memory_order_relaxed);
    discarded.futex = &futex;
}

/// Gives it to the first who waits, if any does.
enum class Owner : std::uint8_t { kLives, kDied };
void hand_over(PiFutex& futex, Owner before, Discarded& discarded) {
    auto* const next = static_cast<FutexWait*>(futex.hand_over());
    futex.word_is_stale = next != nullptr && before == Owner::kDied;
    if (next != nullptr) {
        next->owner_died = before == Owner::kDied;
        next->owns.store(true, std::memory_order_release);
        next->queue.wake_all();
    }
    discard_if_unused(futex, discarded);
}

/// Whether the word says what the graph does. While an owner dies, it may name none.
bool agrees(PiFutex& futex, Word word) {
    if (futex.word_is_stale) return true;
    if (tid_of(word) == 0) return (word & abi::kFutexOwnerDied) != 0;
    return tid_of(word) == static_cast<Word>(task_of(*futex.owner()).tid);
}

/// One call's attempt to lock.
struct Attempt {
    Task& task;
    UserAddr at;
    FutexKey key;
    PiWait wait;
    Box<PiFutex> spare;
    FutexWait waiter{task.pi};

    enum class Outcome : std::uint8_t { kOwns, kWaits, kChanged };
    Result<Outcome> make(Graph& all, Word word, Task* owner, bool others_wait,
                         Discarded& discarded);

  private:
    PiFutex& add_futex(Graph& all, Task& owner);
};

/// `word` and its `owner` were looked up before; kChanged: that is not so any more, or the page is
/// gone. `others_wait`: for the word as a plain futex.
Result<Attempt::Outcome> Attempt::make(Graph& all, Word word, Task* owner, bool others_wait,
                                       Discarded& discarded) {
    PiFutex* futex = all.find(key);
    if (futex == nullptr) {
        if (others_wait) return Errno::INVAL;
        if (tid_of(word) == 0) {
            const Word mine = static_cast<Word>(task.tid) | (word & abi::kFutexOwnerDied);
            return exchange(at, word, mine) ? Outcome::kOwns : Outcome::kChanged;
        }
        // From here on the owner unlocks it by way of the kernel.
        if (!exchange(at, word, word | abi::kFutexWaiters)) return Outcome::kChanged;
        // Who has ended did so after it had changed the words of its robust list: not this one.
        if (owner == nullptr || owner->pi.has_ended) return Errno::SRCH;
        if (wait == PiWait::kNo) return Errno::AGAIN;
        futex = &add_futex(all, *owner);
    } else {
        if (!exchange(at, word, word)) return Outcome::kChanged;
        if (!agrees(*futex, word)) return Errno::INVAL;
        if (wait == PiWait::kNo) return Errno::AGAIN;
    }
    const Result<void> added = futex->add(waiter);
    if (added) return Outcome::kWaits;
    discard_if_unused(*futex, discarded);
    return added.error();
}

PiFutex& Attempt::add_futex(Graph& all, Task& owner) {
    PiFutex& futex = *spare.release();
    futex.key = key;
    all.buckets[key.hash()].push_back(futex);
    futex_count.fetch_add(1, std::memory_order_relaxed);
    futex.set_owner(owner.pi);
    return futex;
}

// To here.

/// The new owner of a dead one's lock puts its own id into the word. FAULT: it cannot, and the lock
/// goes to the next.
Result<long> take_over(Task& task, UserAddr at, const FutexKey& key) {
    for (;;) {
        const Result<Word> word = touch(at);
        Discarded discarded;
        const WakeBatch batch;
        auto all = graph->lock();
        // There as long as its word is stale.
        PiFutex& futex = *all->find(key);
        if (!word) {
            hand_over(futex, Owner::kDied, discarded);
            return word.error();
        }
        const Word mine = static_cast<Word>(task.tid) | abi::kFutexWaiters | abi::kFutexOwnerDied;
        if (!exchange(at, *word, mine)) continue;
        futex.word_is_stale = false;
        discard_if_unused(futex, discarded);
        return 0;
    }
}

/// Sleeps until the lock is handed over. RESTARTNOINTR, TIMEDOUT.
Result<long> wait_for_lock(Attempt& attempt, Deadline deadline) {
    FutexWait& waiter = attempt.waiter;
    const Result<void> slept =
        waiter.queue.wait([&] { return waiter.owns.load(std::memory_order_acquire); }, deadline);
    {
        Discarded discarded;
        const WakeBatch batch;
        auto all = graph->lock();
        if (waiter.lock() != nullptr) {
            auto& futex = static_cast<PiFutex&>(*waiter.lock());
            futex.remove(waiter);
            discard_if_unused(futex, discarded);
            // Its deadline is a point in time, so that it may begin anew whatever the signal does.
            return slept.error() == Errno::RESTARTSYS ? Errno::RESTARTNOINTR : slept.error();
        }
    }
    // Though it was interrupted, perhaps, or late: the lock is its own.
    return waiter.owner_died ? take_over(attempt.task, attempt.at, attempt.key) : 0;
}

}  // namespace

sched::Urgency PiTask::lend(sched::Urgency urgency) {
    return exo::lend(thread_, urgency);
}

Result<void> create_pi_futex_table() {
    graph = new (std::nothrow) LockedGraph;
    if (graph == nullptr) return Errno::NOMEM;
    return {};
}

Result<long> lock_pi_futex(Task& task, UserAddr at, FutexScope scope, Deadline deadline,
                           PiWait wait) {
    Attempt attempt{task, at, TRY(futex_key(at, scope)), wait, TRY(Box<PiFutex>::create())};
    for (;;) {
        const Word word = TRY(touch(at));
        if (tid_of(word) == static_cast<Word>(task.tid)) return Errno::DEADLK;
        const RefPtr<Task> owner = find_owner(word);
        const bool others_wait = has_futex_waiters(attempt.key);
        Attempt::Outcome outcome;
        {
            Discarded discarded;
            const WakeBatch batch;
            auto all = graph->lock();
            outcome = TRY(attempt.make(*all, word, owner.get(), others_wait, discarded));
        }
        if (outcome == Attempt::Outcome::kOwns) return 0;
        if (outcome == Attempt::Outcome::kWaits) return wait_for_lock(attempt, deadline);
        TRY(go_on(task));
    }
}

Result<long> unlock_pi_futex(Task& task, UserAddr at, FutexScope scope) {
    // Whose it is comes first, before whether it can be one, as on Linux.
    if (tid_of(TRY(UserIn<Word>{at}.read())) != static_cast<Word>(task.tid)) return Errno::PERM;
    if (at.value % sizeof(Word) != 0) return Errno::INVAL;
    const FutexKey key = TRY(futex_key(at, scope));
    for (;;) {
        const Word word = TRY(touch(at));
        if (tid_of(word) != static_cast<Word>(task.tid)) return Errno::PERM;
        const bool others_wait = has_futex_waiters(key);
        {
            Discarded discarded;
            const WakeBatch batch;
            auto all = graph->lock();
            PiFutex* const futex = all->find(key);
            if (futex == nullptr && others_wait) return Errno::INVAL;
            if (futex != nullptr && futex->owner() != &task.pi) return Errno::INVAL;
            // The bit stays with the new owner, even if nobody waits any more, as on Linux.
            const Word next =
                futex == nullptr
                    ? 0
                    : abi::kFutexWaiters | static_cast<Word>(task_of(futex->first()->thread()).tid);
            if (exchange(at, word, next)) {
                if (futex != nullptr) hand_over(*futex, Owner::kLives, discarded);
                return 0;
            }
        }
        TRY(go_on(task));
    }
}

bool is_pi_futex(const FutexKey& key) {
    if (futex_count.load(std::memory_order_relaxed) == 0) return false;
    auto all = graph->lock();
    return all->find(key) != nullptr;
}

void release_pi_futexes(Task& task, PiEnd end) {
    for (bool done = false; !done;) {
        Discarded discarded;
        const WakeBatch batch;
        auto all = graph->lock();
        task.pi.has_ended = end == PiEnd::kThread;
        auto* const futex = static_cast<PiFutex*>(task.pi.first_owned());
        done = futex == nullptr;
        if (!done) hand_over(*futex, Owner::kDied, discarded);
    }
}

void reorder_pi_waiter(Task& task) {
    if (&task == &this_task()) return;  // which runs, and so waits for nothing
    const WakeBatch batch;
    auto all = graph->lock();
    task.pi.reorder();
}

}  // namespace exo::posix
