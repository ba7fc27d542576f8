#include "kernel/fs/inode_watches.h"

#include "kernel/fs/dentry.h"

namespace exo {

constinit Atomic<std::uint64_t> watch_epoch{0};

namespace {

struct Epochs {
    std::uint64_t watches = 0;
    std::uint64_t last = 0;
};
constinit Locked<Epochs, SpinLock<LockRank::kWatchEpoch>> epochs;

// release: who sees the epoch in WatchHint::look() sees the watches that it stands for.
void begin_epoch(std::int64_t more_watches) {
    auto now = epochs.lock();
    now->watches += static_cast<std::uint64_t>(more_watches);
    now->last += 2;
    watch_epoch.store(now->watches != 0 ? now->last : 0, std::memory_order_release);
}

bool is_watched(Inode& inode) {
    InodeWatches* const watches = inode.watches();
    return watches != nullptr && watches->any();
}

/// The directory that has the name; empty: it has none.
RefPtr<Inode> directory_of(const Dentry& dentry) {
    const RefPtr<Dentry> parent = dentry.parent();
    return parent ? parent->inode() : RefPtr<Inode>();
}

FileEvents with_type(FileEvents event, const Inode& of) {
    return of.type() == FileType::kDirectory ? event | FileEvents::kDirectory : event;
}

}  // namespace

Result<void> InodeWatch::start() {
    TRY(inode_->make_watches())->add(*this);
    begin_epoch(1);
    return {};
}

bool InodeWatch::stop() {
    return inode_->watches()->remove(*this);
}

void InodeWatches::add(InodeWatch& watch) {
    watch.ref();
    auto watches = watches_.lock();
    if (watches->empty()) {
        FileSystem& files = in_file_system_.inode.file_system();
        files.watched_inodes().lock()->push_back(in_file_system_);
    }
    watches->push_back(watch);
    watch.active_ = true;
}

// The watch, and with it the inode, lives until release(), so that the file system's list never
// has an inode that nobody keeps.
void InodeWatches::take_out(WatchList& from, InodeWatch& watch, WatchList& ended) {
    watch.link_.unlink();
    watch.active_ = false;
    watch.ended();
    ended.push_back(watch);
    if (!from.empty()) return;
    auto watched = in_file_system_.inode.file_system().watched_inodes().lock();
    in_file_system_.link.unlink();
}

// Without a lock: the last reference to an inode may go here, and with it this object.
void InodeWatches::release(WatchList& ended) {
    while (InodeWatch* watch = ended.pop_front()) {
        begin_epoch(-1);
        watch->unref();
    }
}

bool InodeWatches::remove(InodeWatch& watch) {
    WatchList ended;
    {
        auto watches = watches_.lock();
        if (!watch.active_) return false;
        take_out(*watches, watch, ended);
    }
    release(ended);
    return true;
}

void InodeWatches::tell(const FileEvent& event) {
    WatchList ended;
    {
        auto watches = watches_.lock();
        for (InodeWatch* each = watches->front(); each != nullptr;) {
            InodeWatch& watch = *each;
            each = watches->next(watch);
            if (watch.tell(event) == InodeWatch::Next::kEnds) take_out(*watches, watch, ended);
        }
    }
    release(ended);
}

void InodeWatches::end_all(FileEvents why) {
    WatchList ended;
    {
        auto watches = watches_.lock();
        while (InodeWatch* const watch = watches->front()) {
            static_cast<void>(watch->tell({.what = why, .name = {}}));
            take_out(*watches, *watch, ended);
        }
    }
    release(ended);
}

// acquire: the lists are looked at as they are in that epoch, or later.
bool WatchHint::look(const Dentry& dentry) {
    const std::uint64_t epoch = watch_epoch.load(std::memory_order_acquire);
    bool watched = false;
    if (epoch != 0) {
        const RefPtr<Inode> inode = dentry.inode();
        const RefPtr<Inode> directory = directory_of(dentry);
        watched = (inode && is_watched(*inode)) || (directory && is_watched(*directory));
    }
    seen_.store(watched ? epoch | kWatched : epoch, std::memory_order_relaxed);
    return watched;
}

void tell_watchers(Inode& inode, FileEvents what) {
    if (InodeWatches* const watches = inode.watches()) watches->tell({.what = what, .name = {}});
}

void tell_watchers(const Dentry& dentry, FileEvents what, bool of_deleted) {
    if (!somebody_watches()) return;
    const RefPtr<Inode> inode = dentry.inode();
    if (!inode) return;
    FileEvent event{.what = with_type(what, *inode), .name = {}};
    event.of_deleted = of_deleted;
    const RefPtr<Inode> directory = directory_of(dentry);
    if (InodeWatches* const watches = directory ? directory->watches() : nullptr) {
        char name[kNameMax];
        event.name = {name, dentry.name(name, sizeof name)};
        watches->tell(event);
        event.name = {};
    }
    if (InodeWatches* const watches = inode->watches()) watches->tell(event);
}

void tell_links_changed(Inode& inode) {
    tell_watchers(inode, with_type(FileEvents::kAttributes, inode));
}

void tell_entry(Inode& directory, const Inode& what, FileEvents event, std::string_view name) {
    if (InodeWatches* const watches = directory.watches())
        watches->tell({.what = with_type(event, what), .name = name});
}

void tell_move(const Move& move) {
    if (!somebody_watches()) return;
    static constinit Atomic<std::uint32_t> last_cookie{0};
    // relaxed: only that no two moves have the same.
    const std::uint32_t cookie = last_cookie.fetch_add(1, std::memory_order_relaxed) + 1;
    const auto tell = [&](Inode& directory, FileEvents event, std::string_view name) {
        InodeWatches* const watches = directory.watches();
        if (watches == nullptr) return;
        FileEvent half{.what = with_type(event, move.what), .name = name};
        half.cookie = cookie;
        watches->tell(half);
    };
    tell(move.from, FileEvents::kMovedFrom, move.from_name);
    tell(move.to, FileEvents::kMovedTo, move.to_name);
    if (move.replaced != nullptr) tell_links_changed(*move.replaced);
    tell_watchers(move.what, FileEvents::kMoveSelf);
    // Open files have come into a directory that is watched.
    if (move.to.watches() != nullptr) begin_epoch(0);
}

namespace {

void end_watches_of(FileSystem& unmounted) {
    for (;;) {
        RefPtr<Inode> inode;
        {
            auto watched = unmounted.watched_inodes().lock();
            WatchedInode* const first = watched->front();
            if (first == nullptr) return;
            inode = RefPtr<Inode>(&first->inode);
        }
        inode->watches()->end_all(FileEvents::kUnmount);
    }
}

}  // namespace

void tell_unused(Dentry& dentry) {
    if (!somebody_watches()) return;
    const RefPtr<Inode> inode = dentry.inode();
    if (!inode) return;
    const bool unmounted = !dentry.parent() && inode->type() == FileType::kDirectory;
    if (unmounted) end_watches_of(inode->file_system());
    InodeWatches* const watches = inode->watches();
    if (watches != nullptr && inode->stat().links == 0) watches->end_all(FileEvents::kDeleteSelf);
}

}  // namespace exo
