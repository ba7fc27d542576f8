// What happens to files, as inotify(7) tells it: the events, and the quick look whether anybody is
// to be told. Who watches stands with the inodes (inode_watches.h).
//
// An event of a file is told to who watches its inode, and, with the name it was opened by, to who
// watches the directory. An open file remembers for which epoch it has found that nobody does; the
// epoch changes with every watch, so that a read or write that nobody watches pays a load of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/atomic.h"
#include "lib/base/bit_set.h"

namespace exo {

class Dentry;
class Inode;

/// Values of inotify(7)'s mask.
enum class FileEvents : std::uint32_t {
    kNone = 0,
    kAccess = 0x001,
    kModify = 0x002,
    kAttributes = 0x004,
    kCloseWrite = 0x008,
    kCloseNoWrite = 0x010,
    kOpen = 0x020,
    kMovedFrom = 0x040,
    kMovedTo = 0x080,
    kCreate = 0x100,
    kDelete = 0x200,
    kDeleteSelf = 0x400,
    kMoveSelf = 0x800,
    kAll = 0xfff,
    kUnmount = 0x2000,
    kDirectory = 0x40000000,  ///< it happened to a directory
};
template <>
inline constexpr bool kIsBitSet<FileEvents> = true;

/// Something that happened, as one who watches is told.
struct FileEvent {
    FileEvents what;
    std::string_view name;     ///< of the entry of the watched directory; empty: to itself
    std::uint32_t cookie = 0;  ///< the same for both halves of a move, else 0
    bool of_deleted = false;   ///< by an open file whose name is gone
};

/// 0 while nobody watches anything; else even, and another one after each change of who watches
/// what. By inode_watches.cpp alone.
extern constinit Atomic<std::uint64_t> watch_epoch;

// relaxed: who must see a watch was told of it by something that orders more than this does.
[[nodiscard]] inline bool somebody_watches() {
    return watch_epoch.load(std::memory_order_relaxed) != 0;
}

/// Whether an open file is watched, as of some epoch.
class WatchHint {
  public:
    /// False: neither it nor its directory. True: perhaps; look() tells.
    [[nodiscard]] bool may_be_watched() const {
        return seen_.load(std::memory_order_relaxed) != watch_epoch.load(std::memory_order_relaxed);
    }
    /// Looks, and remembers the answer. May be called by several at once: an answer for an older
    /// epoch that is stored last makes the next one look again.
    bool look(const Dentry& dentry);

  private:
    static constexpr std::uint64_t kWatched = 1;  // beside an epoch, which is even
    Atomic<std::uint64_t> seen_{0};
};

/// Tells who watches the inode of `dentry`, and who watches its directory. `of_deleted`: as the
/// event's.
void tell_watchers(const Dentry& dentry, FileEvents what, bool of_deleted = false);
/// Tells who watches this inode alone.
void tell_watchers(Inode& inode, FileEvents what);
/// How many names it has is an attribute of an inode.
void tell_links_changed(Inode& inode);
/// An entry of `directory` came or went; `what` it names.
void tell_entry(Inode& directory, const Inode& what, FileEvents event, std::string_view name);

/// A name of `what` was moved, over `replaced` if there was something.
struct Move {
    Inode& from;
    std::string_view from_name;
    Inode& to;
    std::string_view to_name;
    Inode& what;
    Inode* replaced;
};
void tell_move(const Move& move);

/// The last use of a name has ended: watches of an inode without names end, and at the root of a
/// mount all of its file system's.
void tell_unused(Dentry& dentry);

}  // namespace exo
