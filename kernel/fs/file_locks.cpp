#include "kernel/fs/file_locks.h"

#include <algorithm>
#include <new>

namespace exo {

namespace {

/// A process that waits for another's lock, while it does.
struct LockWait {
    LockWait(const void* w, const void* h, const FileLocks& o, std::uint64_t s)
        : waiter(w), holder(h), of(o), seen(s) {}
    LockWait* next = nullptr;
    const void* const waiter;
    const void* const holder;
    const FileLocks& of;
    const std::uint64_t seen;  ///< of.changes() when the holder was found

    /// Whether the holder may still have what is waited for. What was given back does not count
    /// from then on, though the waiter has yet to run: else who unlocks and then waits for the
    /// waiter would be told of a deadlock that is none.
    [[nodiscard]] bool holds() const { return of.changes() == seen; }
};
struct LockWaits {
    LockWait* first = nullptr;
};
constinit Locked<LockWaits, SpinLock<LockRank::kLockWaits>> all_waits;

/// Whom `process` waits for; nullptr: nobody. With threads it may wait for several: for the first.
const void* waits_for(LockWaits& waits, const void* process) {
    for (const LockWait* each = waits.first; each != nullptr; each = each->next)
        if (each->waiter == process && each->holds()) return each->holder;
    return nullptr;
}

/// DEADLK: the holder waits, by whatever others, for the waiter. A process bumps the count of what
/// it gives back before it begins to wait, which is under this lock: so who sees it waiting here
/// sees the count as well.
Result<void> begin_wait(LockWait& wait) {
    // A circle that this wait is no part of would never end: of threads that wait each for another.
    constexpr unsigned kLongestChain = 64;
    auto waits = all_waits.lock();
    const void* at = wait.holds() ? wait.holder : nullptr;
    for (unsigned i = 0; at != nullptr && i < kLongestChain; ++i) {
        if (at == wait.waiter) return Errno::DEADLK;
        at = waits_for(*waits, at);
    }
    wait.next = waits->first;
    waits->first = &wait;
    return {};
}

void end_wait(LockWait& wait) {
    auto waits = all_waits.lock();
    LockWait** at = &waits->first;
    while (*at != &wait) at = &(*at)->next;
    *at = wait.next;
}

bool overlap(const FileLockRequest& a, const FileLockRequest& b) {
    return a.first <= b.last && b.first <= a.last;
}

bool same_owner(const FileLockRequest& a, const FileLockRequest& b) {
    return a.kind == b.kind && a.owner == b.owner;
}

}  // namespace

/// Records made before the lock is taken, and those to be freed after it was given back.
struct FileLocks::Spare {
    Spare() = default;
    ~Spare() {
        while (Held* held = records.pop_front()) delete held;
    }
    Spare(const Spare&) = delete;
    Spare& operator=(const Spare&) = delete;

    Result<void> make(unsigned count) {
        for (; count != 0; --count) {
            Held* held = new (std::nothrow) Held{};
            if (held == nullptr) return Errno::NOLCK;
            records.push_back(*held);
        }
        return {};
    }
    HeldList records;
};

/// The files whose locks there are, or were.
struct FileLocks::Registry {
    List<FileLocks, &FileLocks::registry_link_> files;
};

FileLocks::LockedRegistry& FileLocks::registry() {
    [[clang::no_destroy]] static constinit LockedRegistry all;
    return all;
}

FileLocks::FileLocks(LockedFile file) : file_(file) {
    registry().lock()->files.push_front(*this);
}

FileLocks::~FileLocks() {
    {
        auto all = registry().lock();
        registry_link_.unlink();
    }
    while (Held* held = state_.lock()->held.pop_front()) delete held;
}

FileLocks::Held* FileLocks::conflict(State& state, const FileLockRequest& wanted) {
    for (Held* each = state.held.front(); each != nullptr; each = state.held.next(*each)) {
        const FileLockRequest& what = each->what;
        const bool same_world =
            (what.kind == FileLockKind::kWhole) == (wanted.kind == FileLockKind::kWhole);
        if (!same_world || same_owner(what, wanted) || !overlap(what, wanted)) continue;
        if (what.mode == FileLockMode::kExclusive || wanted.mode == FileLockMode::kExclusive)
            return each;
    }
    return nullptr;
}

/// Puts it where F_GETLK finds it: an owner's locks stand together, in order of their first bytes.
void FileLocks::place(State& state, Held& held) {
    Held* next = nullptr;
    bool found = false;
    for (Held* each = state.held.front(); each != nullptr; each = state.held.next(*each)) {
        if (!same_owner(each->what, held.what)) continue;
        found = true;
        next = each->what.first > held.what.first ? each : state.held.next(*each);
        if (next == each) break;
    }
    if (found && next != nullptr) {
        state.held.insert_before(held, *next);
    } else {
        state.held.push_back(held);
    }
}

/// Takes `range` out of what its owner has; false: it had nothing there. One spare record at most
/// is used: only a range that lies within one lock leaves two.
bool FileLocks::cut(State& state, const FileLockRequest& range, Spare& spare) {
    bool had = false;
    Held* next;
    for (Held* each = state.held.front(); each != nullptr; each = next) {
        next = state.held.next(*each);
        FileLockRequest& what = each->what;
        if (!same_owner(what, range) || !overlap(what, range)) continue;
        had = true;
        const bool before = what.first < range.first;
        const bool after = range.last < what.last;
        if (before && after) {
            Held* tail = spare.records.pop_front();
            EXO_CHECK(tail != nullptr, "no record for the second part of a lock");
            tail->what = what;
            tail->what.first = range.last + 1;
            place(state, *tail);
        }
        if (before) {
            what.last = range.first - 1;
        } else if (after) {
            what.first = range.last + 1;
        } else {
            each->link.unlink();
            spare.records.push_back(*each);
        }
    }
    return had;
}

/// Adds a lock where its owner has none, in one with those of the same mode that it touches.
void FileLocks::insert(State& state, FileLockRequest what, Spare& spare) {
    Held* next;
    for (Held* each = state.held.front(); each != nullptr; each = next) {
        next = state.held.next(*each);
        const FileLockRequest& other = each->what;
        const bool touches = other.last + 1 == what.first || what.last + 1 == other.first;
        if (!same_owner(other, what) || other.mode != what.mode || !touches) continue;
        what.first = std::min(what.first, other.first);
        what.last = std::max(what.last, other.last);
        each->link.unlink();
        spare.records.push_back(*each);
    }
    Held* held = spare.records.pop_front();
    EXO_CHECK(held != nullptr, "no record for a lock");
    held->what = what;
    place(state, *held);
}

Result<void> FileLocks::wait_for_change(const FileLockRequest& wanted, const void* holder,
                                        std::uint64_t seen) {
    LockWait wait(wanted.owner, holder, *this, seen);
    const bool can_deadlock = wanted.kind == FileLockKind::kProcess;
    if (can_deadlock) TRY(begin_wait(wait));
    Waiting shown{{}, wanted, holder};
    state_.lock()->waiting.push_back(shown);
    const auto result = changed_.wait([&] { return changes() != seen; });
    {
        auto state = state_.lock();
        shown.link.unlink();
    }
    if (can_deadlock) end_wait(wait);
    return result;
}

Result<void> FileLocks::take(const FileLockRequest& wanted, Wait wait) {
    Spare spare;
    TRY(spare.make(2));
    for (;;) {
        const void* holder = nullptr;  // of what is in the way
        std::uint64_t seen;
        bool gave_back = false;
        {
            auto state = state_.lock();
            // flock(2) gives back what it had before it waits for another mode.
            const bool whole = wanted.kind == FileLockKind::kWhole;
            Held* other = conflict(*state, wanted);
            if (whole || other == nullptr) gave_back = cut(*state, wanted, spare);
            if (gave_back) count_change();
            if (other == nullptr) {
                insert(*state, wanted, spare);
            } else {
                holder = other->what.owner;
            }
            seen = changes();
        }
        if (gave_back) changed_.wake_all();
        if (holder == nullptr) return {};
        if (wait == Wait::kNo) return Errno::AGAIN;
        TRY(wait_for_change(wanted, holder, seen));
    }
}

Result<void> FileLocks::release(const FileLockRequest& range) {
    Spare spare;
    TRY(spare.make(1));
    {
        auto state = state_.lock();
        if (!cut(*state, range, spare)) return {};
        count_change();
    }
    changed_.wake_all();
    return {};
}

void FileLocks::release_all(FileLockKind kind, const void* owner) {
    Spare gone;
    {
        auto state = state_.lock();
        // Everything: nothing is left that would need a record.
        const FileLockRequest all{kind, FileLockMode::kExclusive, owner, 0, 0, ~std::uint64_t{0}};
        if (!cut(*state, all, gone)) return;
        count_change();
    }
    changed_.wake_all();
}

std::optional<FileLockRequest> FileLocks::find_conflict(const FileLockRequest& wanted) {
    auto state = state_.lock();
    const Held* held = conflict(*state, wanted);
    if (held == nullptr) return {};
    return held->what;
}

/// Adds what there is to `to`, each with those that wait for it. False: there is no room for all.
bool FileLocks::list(Vector<ListedFileLock>& to) {
    bool fits = true;
    const auto add = [&](const FileLockRequest& what, bool waits) {
        fits = fits && to.size() < to.capacity();
        if (fits) MUST(to.push_back({what, file_, waits}));  // room
    };
    auto state = state_.lock();
    for (Held* each = state->held.front(); each != nullptr; each = state->held.next(*each)) {
        add(each->what, false);
        for (Waiting* other = state->waiting.front(); other != nullptr;
             other = state->waiting.next(*other)) {
            // One that waits for several locks of a holder stands behind the first.
            const bool is_first = conflict(*state, other->what) == each;
            if (other->holder == each->what.owner && is_first) add(other->what, true);
        }
    }
    return fits;
}

Result<Vector<ListedFileLock>> FileLocks::list_all() {
    // The locks forbid to allocate: make room, and try again with more.
    for (std::size_t room = 64;; room *= 2) {
        Vector<ListedFileLock> found;
        TRY(found.reserve(room));
        bool fits = true;
        {
            auto all = registry().lock();
            for (FileLocks* each = all->files.front(); each != nullptr && fits;
                 each = all->files.next(*each))
                fits = each->list(found);
        }
        if (fits) return found;
    }
}

}  // namespace exo
