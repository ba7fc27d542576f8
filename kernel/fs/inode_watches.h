// Who watches an inode (inotify(7)). A watch keeps its inode, and stands in the inode's list until
// it is taken out, the inode has lost its last name, or its file system is unmounted.
//
// Locks: an inode's watches > watched inodes of a file system > what tell() and ended() take.
#pragma once

#include "kernel/core/spin_lock.h"
#include "kernel/fs/file_events.h"
#include "kernel/fs/inode.h"
#include "lib/base/list.h"

namespace exo {

/// Somebody's interest in an inode.
class InodeWatch : public RefCounted {
  public:
    [[nodiscard]] Inode& inode() const { return *inode_; }

    /// From now on it is told of what happens. Called once. NOMEM.
    Result<void> start();
    /// It is told nothing more, but that it has ended. False: it had ended before.
    bool stop();

    enum class Next : std::uint8_t { kGoesOn, kEnds };

  protected:
    explicit InodeWatch(Inode& inode) : inode_(inode) {}

  private:
    friend class InodeWatches;

    // Under the lock of the inode's watches: short, no sleeping.
    virtual Next tell(const FileEvent& event) = 0;
    /// The last that it hears.
    virtual void ended() = 0;

    const Ref<Inode> inode_;
    ListLink link_;
    bool active_ = false;  // in the inode's list, which has a reference to it
};

/// All watches of one inode. Made with the first, and stays with the inode.
class InodeWatches {
  public:
    explicit InodeWatches(Inode& inode) : in_file_system_{.inode = inode, .link = {}} {}
    InodeWatches(const InodeWatches&) = delete;
    InodeWatches& operator=(const InodeWatches&) = delete;

    void add(InodeWatch& watch);
    bool remove(InodeWatch& watch);
    void tell(const FileEvent& event);
    /// Tells of `why`, and all end.
    void end_all(FileEvents why);
    [[nodiscard]] bool any() { return !watches_.lock()->empty(); }

  private:
    using WatchList = List<InodeWatch, &InodeWatch::link_>;

    void take_out(WatchList& from, InodeWatch& watch, WatchList& ended);
    static void release(WatchList& ended);

    WatchedInode in_file_system_;  // in the list while there are watches
    Locked<WatchList, SpinLock<LockRank::kInodeWatches>> watches_;
};

}  // namespace exo
