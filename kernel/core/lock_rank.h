// The global lock order: a lock may be taken only while all locks held on this CPU have a higher
// rank. Reading down is the order in which a path may nest them. Checked in every boot of a build
// with assertions (lock_order.h).
#pragma once

#include <cstdint>

namespace exo {

enum class LockRank : std::uint8_t {
    kTest = 250,  ///< locks of kernel tests, above everything

    // Mutexes, which sleep.
    kMounts = 230,        ///< the table of mounts
    kRename = 220,        ///< renames within one file system
    kFile = 215,          ///< an open file's position, held while its inode is read
    kInode = 210,         ///< an inode's content
    kProcess = 200,       ///< a process's own state
    kTerminal = 195,      ///< a terminal's line discipline
    kPipe = 190,          ///< one side of a pipe
    kOutOfMemory = 185,   ///< choosing who gives memory back
    kAddressSpace = 180,  ///< mappings
    kMemoryObject = 170,  ///< pages of an object

    // Spin locks.
    kProcessAlarm = 122,  ///< an alarm of processor time
    kProcessTable = 120,  ///< ids, parents and children, sessions
    kSignals = 115,       ///< pending signals and handlers
    kProcessParts = 113,  ///< credentials, limits, places: values read and replaced
    kSocket = 112,        ///< a socket's state
    kHandles = 110,       ///< a handle table
    kAttributes = 108,    ///< an inode's attributes
    kDentry = 105,        ///< the dentry cache
    kPageTables = 100,    ///< an address space's tables
    kObjectPages = 95,    ///< which pages a memory object has
    kFutex = 90,          ///< a bucket of the futex table
    kPiFutex = 89,        ///< who waits for whose lock with priority inheritance
    kRandom = 85,         ///< the random generator
    kDevice = 80,         ///< a driver's registers and queues
    kInodeWatches = 79,   ///< who watches an inode
    kWatchedInodes = 78,  ///< which inodes of a file system are watched
    kWatchEpoch = 77,     ///< how many watches there are
    kInotify = 76,        ///< an inotify instance's watches and events
    kFileWatches = 75,    ///< which sets watch a file
    kAllFileLocks = 74,   ///< which files have locks
    kFileLocks = 73,      ///< a file's locks
    kLockWaits = 72,      ///< who waits for whose lock
    kWaitQueue = 70,      ///< who waits; below it, to 62: ready sets and their queues, by level
    kRunQueue = 60,       ///< a CPU's threads
    kTimer = 50,          ///< a CPU's timers
    kFrames = 40,         ///< physical frames
    kLog = 10,            ///< the kernel log: anybody may log while holding anything
    kScreen = 5,          ///< the text screen, which shows the log
    kNone = 0,            ///< nothing may be taken under it
};

}  // namespace exo
