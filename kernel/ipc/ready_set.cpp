#include "kernel/ipc/ready_set.h"

#include <algorithm>

namespace exo {

namespace {

constexpr unsigned kMaxLevel = 4;
constexpr PollEvents kAlways = PollEvents::kError | PollEvents::kHangup;

// A set's level is above those of the sets in it. Its ready list is taken under the queues of the
// level below, and its own queue under that list.
constexpr LockRank rank_below_queues(unsigned steps) {
    return static_cast<LockRank>(static_cast<unsigned>(LockRank::kWaitQueue) - steps);
}
static_assert(rank_below_queues(2 * kMaxLevel) > LockRank::kRunQueue);

/// Held while one set is put into another: levels and circles are of all sets together.
[[clang::no_destroy]] constinit BasicMutex nesting;

}  // namespace

/// Makes an item a place in each queue that its file names.
class ReadySet::PlaceMaker final : public PollTable {
  public:
    PlaceMaker(ReadySet& set, Item& item) : set_(set), item_(item) {}

    using PollTable::watch;
    void watch(WaitQueue& queue, RefPtr<RefCounted> keeper) override {
        auto place = Box<Place>::create(set_, item_, queue, std::move(keeper));
        if (!place || !item_.places.push_back(*std::move(place))) {
            failed_ = true;
            return;
        }
        Place& made = *item_.places.back();
        item_.exclusive ? queue.add(made) : queue.add_watcher(made);
    }
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    ReadySet& set_;
    Item& item_;
    bool failed_ = false;
};

// Under the queue's lock, interrupts off.
bool ReadySet::Place::notify(Waiter& waiter, WakeHint hint) {
    Place& place = static_cast<Place&>(waiter);
    place.set.make_ready(place.item);
    const bool woken = place.set.readable_.wake_one(hint);
    return woken && place.item.exclusive;
}

ReadySet::ReadySet() : File(ObjectType::kReadySet, FileFlags::kNone) {
    set_level(1);
}

ReadySet::~ReadySet() {
    // A set that never got a handle.
    hang_up();
}

Result<Ref<ReadySet>> ReadySet::create() {
    return make_ref<ReadySet>();
}

void ReadySet::set_level(unsigned level) {
    level_ = level;
    ready_.change_rank(rank_below_queues(2 * level - 1));
    readable_.change_rank(rank_below_queues(2 * level));
}

/// This set and those it is in come to stand at `level` and above. LOOP: too high, or `inner`,
/// which is to be put into this one, holds it.
Result<void> ReadySet::raise_level(unsigned level, const File& inner) {
    if (this == &inner || level > kMaxLevel) return Errno::LOOP;
    TRY(for_each_watcher(
        [&](File& outer) { return static_cast<ReadySet&>(outer).raise_level(level + 1, inner); }));
    if (level > level_) set_level(level);
    return {};
}

ReadySet::Item* ReadySet::find(const File& file, Fd number) {
    const Key key{&file, number};
    Item* item = items_.at_or_after(key);
    return item != nullptr && item->key == key ? item : nullptr;
}

PollEvents ReadySet::look(Item& item) {
    if (item.told_once) return PollEvents::kNone;
    return with_bands(item.file->poll(nullptr)) & (item.interest.events | kAlways);
}

void ReadySet::make_ready(Item& item) {
    auto ready = ready_.lock();
    if (!item.ready_link.linked()) ready->push_back(item);
}

/// The next on the list, after `put_back`, if there is one, went to its end. nullptr: none, or one
/// that this round has met, which stays.
ReadySet::Item* ReadySet::take_ready(std::uint64_t round, Item* put_back) {
    auto ready = ready_.lock();
    if (put_back != nullptr && !put_back->ready_link.linked()) ready->push_back(*put_back);
    Item* item = ready->front();
    if (item == nullptr || item->round == round) return nullptr;
    item->ready_link.unlink();
    item->round = round;
    return item;
}

Result<void> ReadySet::add(File& file, Fd number, const Interest& interest) {
    if (!file.can_be_watched()) return Errno::PERM;
    if (file.type() != ObjectType::kReadySet) return insert(file, number, interest);
    const MutexGuard guard(nesting);
    TRY(raise_level(static_cast<ReadySet&>(file).level_ + 1, file));
    return insert(file, number, interest);
}

Result<void> ReadySet::insert(File& file, Fd number, const Interest& interest) {
    const MutexGuard guard(mutex_);
    if (closed_) return Errno::BADF;
    if (find(file, number) != nullptr) return Errno::EXIST;
    Item& item = *TRY(Box<Item>::create(*this, file, number, interest)).release();
    items_.insert(item);
    PlaceMaker places(*this, item);
    const Result<void> watched = file.watch(item.watch);
    if (watched) static_cast<void>(file.poll(&places));
    if (!watched || places.failed()) {
        drop(item);
        return watched ? Errno::NOMEM : watched.error();
    }
    if (look(item) != PollEvents::kNone) {
        make_ready(item);
        readable_.wake_one();
    }
    return {};
}

Result<void> ReadySet::change(File& file, Fd number, const Interest& interest) {
    const MutexGuard guard(mutex_);
    Item* item = find(file, number);
    if (item == nullptr) return Errno::NOENT;
    if (item->exclusive) return Errno::INVAL;
    item->interest = interest;
    item->told_once = false;
    if (look(*item) != PollEvents::kNone) {
        make_ready(*item);
        readable_.wake_one();
    }
    return {};
}

Result<void> ReadySet::remove(File& file, Fd number) {
    const MutexGuard guard(mutex_);
    Item* item = find(file, number);
    if (item == nullptr) return Errno::NOENT;
    drop(*item);
    return {};
}

/// Afterwards nobody knows of it. The set's mutex is held.
void ReadySet::drop(Item& item) {
    for (const Box<Place>& place : item.places) place->queue.remove(*place);
    item.file->unwatch(item.watch);
    {
        auto ready = ready_.lock();
        if (item.ready_link.linked()) item.ready_link.unlink();
    }
    items_.erase(item);
    delete &item;
}

void ReadySet::forget(File& file) {
    const MutexGuard guard(mutex_);
    const Key first{&file, Fd{0}};
    for (Item* item = items_.at_or_after(first); item != nullptr && item->key.file == &file;
         item = items_.at_or_after(first)) {
        drop(*item);
    }
}

void ReadySet::hang_up() {
    const MutexGuard guard(mutex_);
    closed_ = true;
    while (Item* item = items_.first()) drop(*item);
}

// What a wake-up put on the list is asked whether it is ready; what is not leaves the list until
// the next. A level-triggered one goes back to its end, so that all have their turn.
Result<std::size_t> ReadySet::harvest(std::size_t most, ReadySink& to, bool& left) {
    const MutexGuard guard(mutex_);
    const std::uint64_t round = ++round_;
    std::size_t count = 0;
    Item* put_back = nullptr;
    while (Item* item = take_ready(round, put_back)) {
        put_back = nullptr;
        const PollEvents events = look(*item);
        if (events == PollEvents::kNone) continue;
        const Result<void> put = to.put({events, item->interest.data});
        if (!put) {
            make_ready(*item);
            if (count == 0) return put.error();
            left = true;
            break;
        }
        ++count;
        if (item->interest.once) {
            item->told_once = true;
        } else if (!item->interest.edge) {
            put_back = item;
            left = true;
        }
        if (count == most) {
            if (put_back != nullptr) make_ready(*put_back);
            left = true;
            break;
        }
    }
    return count;
}

Result<std::size_t> ReadySet::wait(std::size_t most, ReadySink& to, Deadline deadline) {
    for (;;) {
        bool left = false;
        const std::size_t count = TRY(harvest(most, to, left));
        // The locks of the list put whoever found it empty meanwhile into the queue before this.
        if (left && readable_.maybe_waiters()) readable_.wake_one();
        if (count != 0) return count;
        const Result<void> waited = readable_.wait([this] { return any_ready(); }, deadline);
        if (waited) continue;
        if (waited.error() == Errno::TIMEDOUT) return std::size_t{0};
        return waited.error();
    }
}

PollEvents ReadySet::poll(PollTable* table) {
    if (table != nullptr) table->watch(readable_);
    const MutexGuard guard(mutex_);
    const std::uint64_t round = ++round_;
    while (Item* item = take_ready(round, nullptr)) {
        if (look(*item) == PollEvents::kNone) continue;
        make_ready(*item);
        return PollEvents::kIn;
    }
    return PollEvents::kNone;
}

}  // namespace exo
