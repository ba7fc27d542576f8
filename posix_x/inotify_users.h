// How many inotify instances and watches each user has, and may have (inotify(7),
// /proc/sys/fs/inotify).
#pragma once

#include <utility>

#include "kernel/core/spin_lock.h"
#include "kernel/fs/credentials.h"
#include "lib/base/result.h"

namespace exo::posix {

/// What root sets; what is beyond a lowered limit stays.
struct InotifyLimits {
    Atomic<std::uint32_t> instances{128};
    Atomic<std::uint32_t> watches{65536};
    Atomic<std::uint32_t> events{16384};  ///< in the queue of an instance made from now on
};
extern constinit InotifyLimits inotify_limits;

/// An instance of a user's, for as long as it lives, and the watches of all of the user's.
class InotifyUser {
  public:
    /// MFILE: the user has as many as it may; NOMEM.
    static Result<InotifyUser> begin(Uid uid);
    InotifyUser(InotifyUser&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
    InotifyUser& operator=(InotifyUser&&) = delete;
    ~InotifyUser();

    /// NOSPC.
    Result<void> add_watch();
    void remove_watch();

  private:
    struct Record;
    explicit InotifyUser(Record* record) : record_(record) {}
    Record* record_;
};

}  // namespace exo::posix
