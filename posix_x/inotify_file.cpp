#include "posix_x/inotify_file.h"

#include <utility>

namespace exo::posix {

namespace {

/// What a watch keeps of what it was made with.
constexpr std::uint32_t kKept =
    std::to_underlying(FileEvents::kAll) | abi::kInExcludeUnlinked | abi::kInOneShot;

}  // namespace

InotifyFile::InotifyFile(InotifyUser user, FileFlags flags, std::uint32_t most)
    : File(ObjectType::kInotify, flags), user_(std::move(user)), state_(most) {}

Result<Ref<InotifyFile>> InotifyFile::create(Uid uid, FileFlags flags) {
    InotifyUser user = TRY(InotifyUser::begin(uid));
    return make_ref<InotifyFile>(std::move(user), flags,
                                 inotify_limits.events.load(std::memory_order_relaxed));
}

InotifyFile::Watch* InotifyFile::State::find(std::int32_t number) const {
    Watch* const found = by_number.at_or_after(number);
    return found != nullptr && found->number == number ? found : nullptr;
}

InotifyFile::Watch* InotifyFile::State::find(Inode& inode) const {
    Watch* const found = by_inode.at_or_after(&inode);
    return found != nullptr && found->key == &inode ? found : nullptr;
}

// Numbers are used again only when all have been.
void InotifyFile::State::insert(Watch& watch) {
    do {
        last_number = last_number == INT32_MAX ? 1 : last_number + 1;
    } while (find(last_number) != nullptr);
    watch.number = last_number;
    by_number.insert(watch);
    by_inode.insert(watch);
}

void InotifyFile::State::erase(Watch& watch) {
    by_number.erase(watch);
    by_inode.erase(watch);
}

/// 0: it is not watched.
Result<std::int32_t> InotifyFile::change(Inode& inode, std::uint32_t mask) {
    auto state = state_.lock();
    Watch* const watch = state->find(inode);
    if (watch == nullptr) return 0;
    if ((mask & abi::kInMaskCreate) != 0) return Errno::EXIST;
    const std::uint32_t before = (mask & abi::kInMaskAdd) != 0 ? watch->mask : 0;
    watch->mask = before | (mask & kKept);
    return watch->number;
}

Result<std::int32_t> InotifyFile::add(Inode& inode, std::uint32_t mask) {
    const MutexGuard guard(changing_);
    if (closed_) return Errno::BADF;
    if (const std::int32_t there = TRY(change(inode, mask)); there != 0) return there;
    TRY(user_.add_watch());
    const auto made = make_ref<Watch>(*this, inode, mask & kKept);
    if (!made) {
        user_.remove_watch();
        return made.error();
    }
    Watch& watch = **made;
    state_.lock()->insert(watch);
    // It may end as soon as it has started: its number is no longer asked for then.
    const std::int32_t number = watch.number;
    if (const Result<void> started = watch.start(); !started) {
        state_.lock()->erase(watch);
        user_.remove_watch();
        return started.error();
    }
    return number;
}

Result<void> InotifyFile::remove(std::int32_t number) {
    RefPtr<Watch> watch;  // its inode may go with it, after the mutex
    const MutexGuard guard(changing_);
    watch = RefPtr<Watch>(state_.lock()->find(number));
    if (!watch || !watch->stop()) return Errno::INVAL;
    return {};
}

// A watch that somebody else ends meanwhile is in the trees until that is done, and stop() waits.
void InotifyFile::hang_up() {
    for (;;) {
        RefPtr<Watch> watch;
        const MutexGuard guard(changing_);
        closed_ = true;
        watch = RefPtr<Watch>(state_.lock()->by_number.first());
        if (!watch) return;
        watch->stop();
    }
}

InodeWatch::Next InotifyFile::tell(const Watch& watch, const FileEvent& event) {
    bool more = false;
    bool once = false;
    {
        auto state = state_.lock();
        const auto wanted = static_cast<FileEvents>(watch.mask) | FileEvents::kUnmount;
        constexpr FileEvents kEvents = FileEvents::kAll | FileEvents::kUnmount;
        if (!has(event.what & kEvents, wanted)) return InodeWatch::Next::kGoesOn;
        if (event.of_deleted && (watch.mask & abi::kInExcludeUnlinked) != 0)
            return InodeWatch::Next::kGoesOn;
        more = state->queue.push(watch.number, std::to_underlying(event.what), event.cookie,
                                 event.name);
        once = (watch.mask & abi::kInOneShot) != 0;
    }
    if (more) readable_.wake_all();
    return once ? InodeWatch::Next::kEnds : InodeWatch::Next::kGoesOn;
}

void InotifyFile::ended(Watch& watch) {
    {
        auto state = state_.lock();
        state->erase(watch);
        state->queue.push(watch.number, abi::kInIgnored, 0, {});
    }
    user_.remove_watch();
    readable_.wake_all();
}

InotifyFile::WatchInfo InotifyFile::next_watch(std::int32_t least) {
    auto state = state_.lock();
    const Watch* const watch = state->by_number.at_or_after(least);
    if (watch == nullptr) return {};
    return {watch->number, watch->mask, RefPtr<Inode>(watch->key)};
}

Result<std::size_t> InotifyFile::read(IoCursor& to) {
    std::size_t done = 0;
    for (;;) {
        InotifyRecord record;
        const auto taken = state_.lock()->queue.take(to.remaining(), record);
        if (taken == InotifyQueue::Taken::kOne) {
            char name[kNameMax + sizeof record.header] = {};
            record.name.view().copy(name, kNameMax);
            const std::size_t put = TRY(to.put(&record.header, sizeof record.header));
            if (put != sizeof record.header) return Errno::FAULT;
            if (record.header.name_bytes != 0 &&
                TRY(to.put(name, record.header.name_bytes)) != record.header.name_bytes)
                return Errno::FAULT;
            done += record.bytes();
            continue;
        }
        if (done != 0) return done;
        if (taken == InotifyQueue::Taken::kTooLarge) return Errno::INVAL;
        if (has(flags(), FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] { return !state_.lock()->queue.empty(); }));
    }
}

PollEvents InotifyFile::poll(PollTable* table) {
    if (table != nullptr) table->watch(readable_);
    return state_.lock()->queue.empty() ? PollEvents::kNone : PollEvents::kIn;
}

}  // namespace exo::posix
