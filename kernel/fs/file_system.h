// A file system as it is mounted: where its inodes come from and what it says of itself. It lives
// as long as one of its inodes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/core/mutex.h"
#include "kernel/core/spin_lock.h"
#include "lib/base/list.h"
#include "lib/base/ref.h"

namespace exo {

class Inode;

/// An inode that somebody watches, as its file system lists it (inode_watches.h).
struct WatchedInode {
    Inode& inode;
    ListLink link;
};
using WatchedInodes = List<WatchedInode, &WatchedInode::link>;
using LockedWatchedInodes = Locked<WatchedInodes, SpinLock<LockRank::kWatchedInodes>>;

/// As statfs(2) shows it.
struct FileSystemStat {
    std::uint32_t magic = 0;
    std::uint32_t block_size = 0;
    std::uint64_t blocks = 0, free_blocks = 0;
    std::uint64_t inodes = 0, free_inodes = 0;
};

class FileSystem : public RefCounted {
  public:
    /// "tmpfs", as in /proc/filesystems.
    [[nodiscard]] virtual std::string_view type_name() const = 0;
    [[nodiscard]] virtual FileSystemStat stat() = 0;
    /// Its root directory, made for the mount: called once. NOMEM.
    virtual Result<Ref<Inode>> create_root() = 0;

    /// Other options than it was mounted with, in place. INVAL: unknown, or they cannot be changed.
    virtual Result<void> reconfigure(std::string_view options);
    /// Its options that are not the default, as /proc/mounts has them behind the mount's: each
    /// after a comma. The length; what does not fit is left out.
    virtual std::size_t show_options(std::span<char> to);

    /// st_dev's minor number; its major is 0. Unique among file systems that live.
    [[nodiscard]] std::uint32_t device_minor() const { return device_minor_; }

    /// Held while a directory moves to another parent, so that the tree stands still for who looks
    /// at ancestors.
    [[nodiscard]] BasicMutex& rename_lock() { return rename_lock_; }

    /// Its inodes that are watched: their watches end when it is unmounted.
    [[nodiscard]] LockedWatchedInodes& watched_inodes() { return watched_inodes_; }

  protected:
    FileSystem();

  private:
    const std::uint32_t device_minor_;
    Mutex<LockRank::kRename> rename_lock_;
    LockedWatchedInodes watched_inodes_;
};

}  // namespace exo
