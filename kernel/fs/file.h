// An open file description (open(2)): what handles name and dup(2) shares. Has a position and
// status flags; what it is open on (an inode, a pipe, a terminal) is the derived class.
#pragma once

#include <cstdint>

#include "kernel/core/wait_queue.h"
#include "kernel/fs/file_events.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/mount_state.h"
#include "kernel/mm/io_cursor.h"
#include "kernel/object/object.h"
#include "lib/base/bit_set.h"
#include "lib/base/vector.h"

namespace exo {

/// Bits of poll(2), Linux's values.
enum class PollEvents : std::uint16_t {
    kNone = 0,
    kIn = 0x001,
    kPri = 0x002,
    kOut = 0x004,
    kError = 0x008,
    kHangup = 0x010,
    kReadNormal = 0x040,
    kWriteNormal = 0x100,
    kReadHangup = 0x2000,
};
template <>
inline constexpr bool kIsBitSet<PollEvents> = true;

/// Normal data has a bit of its own, which says the same as kIn and kOut.
constexpr PollEvents with_bands(PollEvents events) {
    if ((events & PollEvents::kIn) != PollEvents::kNone) events = events | PollEvents::kReadNormal;
    if ((events & PollEvents::kOut) != PollEvents::kNone)
        events = events | PollEvents::kWriteNormal;
    return events;
}

/// Told by File::poll() of each wait queue that will be woken when the answer may change.
class PollTable {
  public:
    /// `keeper` keeps the queue, where that is not the file's own for as long as it lives.
    virtual void watch(WaitQueue& queue, RefPtr<RefCounted> keeper) = 0;
    void watch(WaitQueue& queue) { watch(queue, {}); }

  protected:
    ~PollTable() = default;
};

/// Receives directory entries; false: full, stop before this one.
class DirectorySink {
  public:
    virtual bool entry(std::string_view name, std::uint64_t inode, FileType type,
                       std::uint64_t next_offset) = 0;

  protected:
    ~DirectorySink() = default;
};

/// Status flags that fcntl(F_SETFL) can change and I/O looks at.
enum class FileFlags : std::uint32_t {
    kNone = 0,
    kAppend = 1 << 0,
    kNonBlocking = 1 << 1,
    kSync = 1 << 2,
    kDirect = 1 << 3,
    kNoAccessTime = 1 << 4,
    kPathOnly = 1 << 5,   ///< O_PATH
    kLargeFile = 1 << 6,  ///< O_LARGEFILE, which is only shown: it was opened by a name
};
template <>
inline constexpr bool kIsBitSet<FileFlags> = true;

enum class Whence : std::uint8_t { kSet, kCurrent, kEnd, kData, kHole };

/// The largest position a file can have (loff_t).
inline constexpr std::uint64_t kMaxFileOffset = (std::uint64_t{1} << 63) - 1;

/// `base` + `offset` as lseek(2) has it. INVAL: below 0 or beyond kMaxFileOffset.
Result<std::uint64_t> position_from(std::uint64_t base, std::int64_t offset);

class File;

/// Somebody who watches a file and holds a reference to it until it is closed. Stands in the file's
/// list from File::watch() to File::unwatch().
struct FileWatch {
    explicit FileWatch(File& w) : watcher(w) {}
    ListLink link;
    File& watcher;  ///< its forget() is called
};

class File : public Object {
  public:
    /// Whether a handle's object is one.
    [[nodiscard]] static bool is(const Object& object) {
        return object.type() != ObjectType::kMemory && object.type() != ObjectType::kProcess &&
               object.type() != ObjectType::kThread;
    }

    /// At the position, which they move. AGAIN: kNonBlocking and nothing to be had; RESTARTSYS:
    /// interrupted before anything was moved; the rest as read(2), write(2). Rights were checked.
    virtual Result<std::size_t> read(IoCursor& to);
    virtual Result<std::size_t> write(IoCursor& from);
    /// pread(2), pwrite(2). SPIPE: has no positions.
    virtual Result<std::size_t> read_at(IoCursor& to, std::uint64_t offset);
    virtual Result<std::size_t> write_at(IoCursor& from, std::uint64_t offset);
    virtual Result<std::uint64_t> seek(std::int64_t offset, Whence whence);

    /// ioctl(2), for what only this kind of file understands. NOTTY: not a request of its.
    virtual Result<long> ioctl(std::uint32_t request, std::uint64_t argument);
    /// What is possible now. If `table` is given, it is told of the queues first.
    virtual PollEvents poll(PollTable* table);
    /// Entries from the position on; moves it. NOTDIR.
    virtual Result<void> read_directory(DirectorySink& sink);
    /// What mmap(2) maps. NODEV: cannot be mapped.
    virtual Result<Ref<MemoryObject>> memory_object();

    /// The inode it is open on, which lives as long as the file.
    [[nodiscard]] virtual RefPtr<Inode> inode() const;
    /// The entry it was opened by, for /proc/PID/fd and openat(2). What has no name makes one, with
    /// the text that Linux shows of it; empty: no memory.
    [[nodiscard]] virtual RefPtr<Dentry> dentry() const;

    /// Makes stable what was written (fsync(2)). INVAL: nothing to make stable.
    virtual Result<void> sync();
    /// Bytes that can be read at once (FIONREAD); NOTTY: not known.
    virtual Result<std::size_t> readable_bytes();

    /// Whether poll() ever says less than all; if not, there is nothing to watch.
    [[nodiscard]] virtual bool can_be_watched() const { return true; }
    /// `watch` hears of the last close. BADF: that has been.
    Result<void> watch(FileWatch& watch);
    void unwatch(FileWatch& watch);
    /// Calls `visit(File& watcher)` for each who watches, without a lock. NOMEM.
    template <typename Visit>
    Result<void> for_each_watcher(Visit visit);

    /// Whether no handle names it any more: for who holds a reference and gives it what the last
    /// close takes away.
    [[nodiscard]] bool is_closed() { return watches_.lock()->closed; }

    /// It is open for writing, and for as long as this lives its mount stays writable and nobody
    /// runs it. By who opens it, before others see it.
    void keep_writable(WriteAccess access, FileClaim claim) {
        writable_ = true;
        write_access_ = std::move(access);
        claim_ = std::move(claim);
    }

    /// It was opened by a name, which who watches is told of. By who opens it, before others see
    /// it.
    void tell_opened() {
        has_name_ = true;
        tell(FileEvents::kOpen);
    }
    /// Tells who watches its inode or its directory (file_events.h) what was done through it.
    void tell(FileEvents what) {
        if (watch_hint_.may_be_watched()) tell_if_watched(what);
    }
    /// The same of a transfer, if at least a byte was moved.
    void tell(FileEvents what, const Result<std::size_t>& moved) {
        if (watch_hint_.may_be_watched() && moved.value_or(0) != 0) tell_if_watched(what);
    }

    [[nodiscard]] FileFlags flags() const { return flags_.load(std::memory_order_relaxed); }
    void set_flags(FileFlags flags) { flags_.store(flags, std::memory_order_relaxed); }

  protected:
    enum class Named : std::uint8_t { kNo, kYes };
    /// kYes: it has a name, or will have been opened by one.
    File(ObjectType type, FileFlags flags, Named named = Named::kNo)
        : Object(type), flags_(flags), has_name_(named == Named::kYes) {}

  private:
    /// What it is called that has no inode of its own.
    [[nodiscard]] virtual std::string_view kind_name() const { return ""; }
    /// Nobody names it any more: hang up, wake the other side. May sleep.
    virtual void hang_up() {}
    /// `file`, which this one watches, is closed.
    virtual void forget(File& file);
    void on_last_close() final;
    void on_close(const void* table) final;

    struct Watches {
        List<FileWatch, &FileWatch::link> list;
        bool closed = false;
    };
    Result<Vector<Ref<File>>> watchers();
    void tell_if_watched(FileEvents what);

    Atomic<FileFlags> flags_;
    Locked<Watches, SpinLock<LockRank::kFileWatches>> watches_;
    WatchHint watch_hint_;
    bool has_name_;
    bool writable_ = false;
    WriteAccess write_access_;
    FileClaim claim_;
};

template <typename Visit>
Result<void> File::for_each_watcher(Visit visit) {
    const Vector<Ref<File>> all = TRY(watchers());
    for (const Ref<File>& each : all) TRY(visit(*each));
    return {};
}

}  // namespace exo
