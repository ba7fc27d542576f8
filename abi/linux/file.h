// Files as Linux's x86-64 ABI has them: flags of open(2), fcntl(2) and the *at() calls, structures
// of stat(2), statx(2), statfs(2), getdents64(2), poll(2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::abi {

inline constexpr std::uint32_t kOAccess = 3, kOReadOnly = 0, kOWriteOnly = 1, kOReadWrite = 2;
inline constexpr std::uint32_t kOCreate = 0100, kOExclusive = 0200, kONoCtty = 0400;
inline constexpr std::uint32_t kOTruncate = 01000, kOAppend = 02000, kONonBlock = 04000;
inline constexpr std::uint32_t kODataSync = 010000, kOAsync = 020000, kODirect = 040000;
inline constexpr std::uint32_t kOLargeFile = 0100000, kODirectory = 0200000;
inline constexpr std::uint32_t kONoFollow = 0400000, kONoAtime = 01000000;
inline constexpr std::uint32_t kOCloseOnExec = 02000000, kOSync = 04010000, kOPath = 010000000;
inline constexpr std::uint32_t kOTmpFile = 020200000;
/// All flags that open(2) knows.
inline constexpr std::uint32_t kOAll = 037777703;

/// What openat2(2) is told.
struct OpenHow {
    std::uint64_t flags, mode, resolve;
};

inline constexpr std::int32_t kAtFdCwd = -100;
inline constexpr std::uint32_t kAtSymlinkNoFollow = 0x100, kAtEaccess = 0x200;
inline constexpr std::uint32_t kAtRemoveDir = 0x200, kAtSymlinkFollow = 0x400;
inline constexpr std::uint32_t kAtNoAutomount = 0x800, kAtEmptyPath = 0x1000;
inline constexpr std::uint32_t kAtStatxSyncMask = 0x6000;

inline constexpr std::uint32_t kFSetPipeSize = 1031, kFGetPipeSize = 1032;
inline constexpr std::uint32_t kFAddSeals = 1033, kFGetSeals = 1034;
inline constexpr std::uint32_t kFDupFd = 0, kFGetFd = 1, kFSetFd = 2, kFGetFl = 3, kFSetFl = 4;
inline constexpr std::uint32_t kFGetLk = 5, kFSetLk = 6, kFSetLkw = 7, kFDupFdCloexec = 1030;
inline constexpr std::uint32_t kFOfdGetLk = 36, kFOfdSetLk = 37, kFOfdSetLkw = 38;
inline constexpr std::uint32_t kFdCloexec = 1;

inline constexpr std::uint32_t kIfMask = 0170000;

/// Types of struct flock, and operations of flock(2).
inline constexpr std::int16_t kFReadLock = 0, kFWriteLock = 1, kFUnlock = 2;
inline constexpr std::uint32_t kLockShared = 1, kLockExclusive = 2, kLockNonBlock = 4,
                               kLockUnlock = 8;
struct Flock {
    std::int16_t type, whence;
    std::int32_t padding;
    std::int64_t start, length;
    std::int32_t process, padding2;
};
static_assert(sizeof(Flock) == 32);

struct Timespec {
    std::int64_t seconds, nanoseconds;
};
struct Timeval {
    std::int64_t seconds, microseconds;
};

struct Stat {
    std::uint64_t device, inode, links;
    std::uint32_t mode, uid, gid, padding;
    std::uint64_t rdevice;
    std::int64_t size, block_bytes, blocks;
    Timespec accessed, modified, changed;
    std::int64_t unused[3];
};
static_assert(sizeof(Stat) == 144);

struct StatxTimestamp {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
    std::int32_t reserved;
};
inline constexpr std::uint32_t kStatxBasic = 0x7ff, kStatxReserved = 0x80000000;
struct Statx {
    std::uint32_t mask, block_bytes;
    std::uint64_t attributes;
    std::uint32_t links, uid, gid;
    std::uint16_t mode, padding;
    std::uint64_t inode, size, blocks, attributes_mask;
    StatxTimestamp accessed, born, changed, modified;
    std::uint32_t rdevice_major, rdevice_minor, device_major, device_minor;
    std::uint64_t mount_id;
    std::uint64_t spare[13];
};
static_assert(sizeof(Statx) == 256);

struct Statfs {
    std::int64_t type, block_bytes;
    std::uint64_t blocks, free, available, files, files_free;
    std::int32_t id[2];
    std::int64_t name_length, fragment_bytes, flags, spare[4];
};
static_assert(sizeof(Statfs) == 120);

/// Followed by the name with its NUL, padded so that the next begins at a multiple of 8.
struct DirentHeader {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t record_bytes;
    std::uint8_t type;
};
inline constexpr std::size_t kDirentName = 19;

struct PollFd {
    std::int32_t fd;
    std::int16_t events, revents;
};

struct Iovec {
    std::uint64_t base, bytes;
};
inline constexpr std::uint32_t kMaxIovecs = 1024;
/// No transfer moves more (MAX_RW_COUNT).
inline constexpr std::uint64_t kMaxTransfer = 0x7ffff000;

/// A device's number as stat(2) shows it (makedev(3)).
constexpr std::uint64_t device_number(std::uint32_t major, std::uint32_t minor) {
    return (minor & 0xff) | (std::uint64_t{major} & 0xfff) << 8 |
           (std::uint64_t{minor} & ~0xffu) << 12 | (std::uint64_t{major} & ~0xfffu) << 32;
}

}  // namespace exo::abi
