// Advisory locks of a file: flock(2)'s of the whole of it, and fcntl(2)'s of ranges, which belong
// to a process or to an open file description. flock(2)'s and the others do not see each other.
//
// An owner is an address that nobody else has meanwhile: the File, or the process's handle table,
// so that threads and CLONE_FILES share what they lock, as on Linux. Who waits holds no lock of the
// kernel's; each change wakes all who wait for this file, and they look again.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/core/wait_queue.h"
#include "lib/base/atomic.h"
#include "lib/base/list.h"
#include "lib/base/result.h"
#include "lib/base/vector.h"

namespace exo {

enum class FileLockKind : std::uint8_t { kWhole, kProcess, kOpenFile };
enum class FileLockMode : std::uint8_t { kShared, kExclusive };

struct FileLockRequest {
    FileLockKind kind;
    FileLockMode mode;
    const void* owner;
    /// The owner's number, for F_GETLK; who locked, for kWhole; -1: kOpenFile.
    std::int32_t process;
    std::uint64_t first = 0, last = 0;  ///< bytes, both included
};

/// Whose locks they are.
struct LockedFile {
    std::uint64_t inode_number = 0;
    std::uint32_t device_minor = 0;  ///< of the file system; its major is 0
};

/// As /proc/locks shows them.
struct ListedFileLock {
    FileLockRequest what;
    LockedFile file;
    bool waits;  ///< for the last one in the list that does not
};

class FileLocks {
  public:
    explicit FileLocks(LockedFile file);
    ~FileLocks();
    FileLocks(const FileLocks&) = delete;
    FileLocks& operator=(const FileLocks&) = delete;

    /// Locks; what the owner had there takes the new mode. AGAIN: another has it and `wait` says
    /// no; DEADLK: a process that waits for one of this one's locks has it (kProcess only); NOLCK:
    /// no memory; RESTARTSYS. May sleep.
    enum class Wait : std::uint8_t { kNo, kYes };
    Result<void> take(const FileLockRequest& wanted, Wait wait);

    /// Unlocks the range; the mode does not count. NOLCK: two ranges would be left, and there is no
    /// memory for the second.
    Result<void> release(const FileLockRequest& range);
    /// All that this owner has of this kind.
    void release_all(FileLockKind kind, const void* owner);

    /// A lock of somebody else that is in the way of `wanted`.
    std::optional<FileLockRequest> find_conflict(const FileLockRequest& wanted);

    /// All locks of all files and who waits for them, of each file as they are at one moment.
    /// NOMEM. May sleep.
    static Result<Vector<ListedFileLock>> list_all();

    /// How often something was given back.
    [[nodiscard]] std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

  private:
    struct Held {
        ListLink link;
        FileLockRequest what;
    };
    using HeldList = List<Held, &Held::link>;
    /// On the stack of who waits.
    struct Waiting {
        ListLink link;
        FileLockRequest what;
        const void* holder;
    };
    struct State {
        HeldList held;
        List<Waiting, &Waiting::link> waiting;
    };
    struct Spare;
    struct Registry;
    using LockedRegistry = Locked<Registry, SpinLock<LockRank::kAllFileLocks>>;
    static LockedRegistry& registry();
    [[nodiscard]] bool list(Vector<ListedFileLock>& to);

    static Held* conflict(State& state, const FileLockRequest& wanted);
    static void place(State& state, Held& held);
    static bool cut(State& state, const FileLockRequest& range, Spare& spare);
    static void insert(State& state, FileLockRequest what, Spare& spare);
    /// Under state_'s lock, whose holders alone write it.
    void count_change() {
        changes_.store(changes_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    Result<void> wait_for_change(const FileLockRequest& wanted, const void* holder,
                                 std::uint64_t seen);

    const LockedFile file_;
    ListLink registry_link_;  // under the registry's lock
    Locked<State, SpinLock<LockRank::kFileLocks>> state_;
    Atomic<std::uint64_t> changes_{0};
    WaitQueue changed_;
};

}  // namespace exo
