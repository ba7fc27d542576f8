// Inodes, the objects of file systems, and dentries, the names by which they were found: the
// capability cache (parent, name -> inode or "absent").
//
// Lock order: rename of a file system > Inode::content (two at once only by TwoDirectories) >
// dentry cache.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/core/mutex.h"
#include "kernel/core/spin_lock.h"
#include "kernel/fs/credentials.h"
#include "kernel/fs/file_system.h"
#include "kernel/fs/occupancy.h"
#include "lib/base/bit_set.h"
#include "lib/base/ref.h"

namespace exo {

class Dentry;
class DirectorySink;
class File;
class FileLocks;
class InodeWatches;
class IoCursor;
class MemoryObject;
enum class FileFlags : std::uint32_t;
enum class Rights : std::uint32_t;

/// Values of S_IFMT >> 12, as in struct dirent's d_type.
enum class FileType : std::uint8_t {
    kUnknown = 0,
    kFifo = 1,
    kCharacterDevice = 2,
    kDirectory = 4,
    kBlockDevice = 6,
    kRegular = 8,
    kSymlink = 10,
    kSocket = 12,
};

/// Permission bits with set-user-ID, set-group-ID and sticky: 07777.
using Mode = std::uint16_t;

struct Timestamp {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};

/// What must not happen to a file any more (fcntl(2), "File Sealing"), Linux's bits.
enum class Seals : std::uint32_t {
    kNone = 0,
    kSeal = 1,  ///< further seals
    kShrink = 2,
    kGrow = 4,
    kWrite = 8,
    kFutureWrite = 16,  ///< but by mappings that are there
    kAll = 31,
};
template <>
inline constexpr bool kIsBitSet<Seals> = true;

struct DeviceNumber {
    std::uint32_t major = 0, minor = 0;
};

struct InodeStat {
    std::uint64_t number = 0;
    FileType type = FileType::kUnknown;
    Mode mode = 0;
    std::uint32_t links = 0;
    Uid uid = 0;
    Gid gid = 0;
    std::uint64_t size = 0;
    std::uint64_t blocks = 0;  ///< of 512 bytes
    DeviceNumber device;       ///< what a device inode names
    Timestamp accessed, modified, changed;
};

/// Which of a new stat's fields to set: for set_attributes().
struct AttributeChange {
    bool mode = false, uid = false, gid = false, size = false;
    bool accessed = false, modified = false;
    InodeStat to;

    /// All but the size, which is the file system's affair. The change is noted as of `now`.
    void apply(InodeStat& stat, Timestamp now) const {
        if (mode) stat.mode = to.mode & 07777;
        if (uid) stat.uid = to.uid;
        if (gid) stat.gid = to.gid;
        if (accessed) stat.accessed = to.accessed;
        if (modified) stat.modified = to.modified;
        stat.changed = now;
    }
};

class Inode : public RefCounted {
  public:
    [[nodiscard]] virtual InodeStat stat() = 0;
    /// Checked by the caller; `changed` is set by the file system. FBIG, NOSPC, ROFS.
    virtual Result<void> set_attributes(const AttributeChange& change) = 0;

    /// Opens what it is for `access` (kRead, kWrite), which was checked, as was the type. NXIO: no
    /// such device, or it is a socket. May sleep: a FIFO waits for its other end.
    virtual Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights access) = 0;

    /// Whether a directory's names change only by the calls below, so that the dentry cache may
    /// remember them, absent ones too. /proc's do not.
    [[nodiscard]] virtual bool names_are_stable() const { return true; }

    // Of directories; NOTDIR elsewhere. Names are valid, without '/', at most 255 bytes; the caller
    // has checked permissions and holds this directory's content() for changes.
    virtual Result<Ref<Inode>> lookup(std::string_view name);  ///< NOENT
    virtual Result<Ref<Inode>> create(std::string_view name, FileType type, Mode mode,
                                      const Credentials& owner, DeviceNumber device);
    virtual Result<Ref<Inode>> symlink(std::string_view name, std::string_view target,
                                       const Credentials& owner);
    virtual Result<void> link(std::string_view name, Inode& to);
    virtual Result<void> unlink(std::string_view name, Inode& what);
    virtual Result<void> remove_directory(std::string_view name, Inode& what);
    /// Both directories' content() is held. `replaced` is what `to_name` names so far: it goes.
    virtual Result<void> rename(std::string_view name, Inode& what, Inode& to_directory,
                                std::string_view to_name, Inode* replaced);
    /// Swaps two names, each in its directory.
    virtual Result<void> exchange(std::string_view name, Inode& what, Inode& to_directory,
                                  std::string_view to_name, Inode& other);
    /// Entries from `offset` on, without "." and ".."; moves it past those the sink took. A
    /// directory's first offset is kFirstEntry; an entry keeps its own while it is there.
    static constexpr std::uint64_t kFirstEntry = 2;
    virtual Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink);

    /// Of symlinks: the target; INVAL elsewhere. At most `capacity` bytes of it.
    virtual Result<std::size_t> read_link(char* to, std::size_t capacity);
    /// What a symlink leads to where that is not a path (/proc/PID/exe); empty: follow the path.
    virtual RefPtr<Dentry> link_target();

    /// Of regular files; INVAL elsewhere. May sleep and fault; write() takes content().
    virtual Result<std::size_t> read(IoCursor& to, std::uint64_t offset);
    /// Writes at `offset`, or at the end, and sets `offset` behind what was written. FBIG: at the
    /// end that `from` may write up to, or the largest file; NOSPC.
    enum class WriteAt : std::uint8_t { kOffset, kEnd };
    virtual Result<std::size_t> write(IoCursor& from, std::uint64_t& offset, WriteAt where);
    /// Makes room for the bytes [offset, offset + size), so that writing there does not run out of
    /// it, and the file at least that long if asked to. OPNOTSUPP; NOSPC; FBIG.
    enum class Grow : std::uint8_t { kNo, kYes };
    virtual Result<void> allocate(std::uint64_t offset, std::uint64_t size, Grow grow);
    virtual Result<Ref<MemoryObject>> memory_object();  ///< NODEV: cannot be mapped

    /// Locks of programs on it (file_locks.h); nullptr: there have never been any.
    [[nodiscard]] FileLocks* locks() const { return locks_.load(std::memory_order_acquire); }
    /// NOLCK: no memory.
    Result<FileLocks*> make_locks();

    /// Who watches it (inode_watches.h); nullptr: nobody ever has.
    [[nodiscard]] InodeWatches* watches() const { return watches_.load(std::memory_order_acquire); }
    Result<InodeWatches*> make_watches();  ///< NOMEM

    /// INVAL: cannot have any.
    virtual Result<Seals> seals();
    /// PERM: sealed against that; BUSY: kWrite, and it is mapped for writing. Takes content().
    virtual Result<void> add_seals(Seals more);

    [[nodiscard]] FileType type() const { return type_; }
    [[nodiscard]] FileSystem& file_system() const { return *file_system_; }
    [[nodiscard]] BasicMutex& content() { return content_; }

    /// Who writes to it and who runs it. TXTBSY: the claim is refused.
    Result<FileClaim> claim(Occupancy::Kind kind) {
        return FileClaim::begin(occupancy_, kind, RefPtr<RefCounted>(this));
    }

    /// What an opened FIFO keeps with its inode (kernel/ipc), and a program that has run with its
    /// executable's (ProgramProfile): the first one set stays.
    [[nodiscard]] RefPtr<RefCounted> attachment();
    Ref<RefCounted> attach(Ref<RefCounted> what);
    /// The same, made as a T if there is none. Nothing but a T is ever attached to this inode.
    /// NOMEM.
    template <typename T>
    Result<Ref<T>> attached() {
        RefPtr<RefCounted> there = attachment();
        if (!there) there = attach(TRY(make_ref<T>()));
        return Ref<T>(static_cast<T&>(*there));
    }

  protected:
    Inode(FileSystem& file_system, FileType type) : file_system_(file_system), type_(type) {}
    ~Inode() override;

  private:
    const Ref<FileSystem> file_system_;
    const FileType type_;
    Mutex<LockRank::kInode> content_;
    Locked<RefPtr<RefCounted>, SpinLock<LockRank::kAttributes>> attachment_;
    /// Made when first wanted, and stays: release and acquire pass on what it was made as.
    Atomic<FileLocks*> locks_{nullptr};
    Atomic<InodeWatches*> watches_{nullptr};  // as locks_
    Occupancy occupancy_;                     // of a regular file
};

/// Takes and gives back content() of two directories, which may be the same. Never deadlocks: it
/// sleeps for one only while it does not hold the other.
class TwoDirectories {
  public:
    TwoDirectories(Inode& a, Inode& b);
    ~TwoDirectories();
    TwoDirectories(const TwoDirectories&) = delete;
    TwoDirectories& operator=(const TwoDirectories&) = delete;

  private:
    Inode& a_;
    Inode& b_;
};

}  // namespace exo
