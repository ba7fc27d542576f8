// Processes as Linux's x86-64 ABI has them: clone(2), wait4(2), futex(2), resource limits and use,
// the auxiliary vector, uname(2), sysinfo(2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/linux/file.h"

namespace exo::abi {

inline constexpr std::uint64_t kCloneSignal = 0xff, kCloneVm = 0x100, kCloneFs = 0x200;
inline constexpr std::uint64_t kCloneFiles = 0x400, kCloneSighand = 0x800, kClonePidfd = 0x1000;
inline constexpr std::uint64_t kClonePtrace = 0x2000, kCloneVfork = 0x4000, kCloneParent = 0x8000;
inline constexpr std::uint64_t kCloneThread = 0x10000, kCloneNewNs = 0x20000;
inline constexpr std::uint64_t kCloneSysvsem = 0x40000, kCloneSettls = 0x80000;
inline constexpr std::uint64_t kCloneParentSettid = 0x100000, kCloneChildCleartid = 0x200000;
inline constexpr std::uint64_t kCloneDetached = 0x400000, kCloneUntraced = 0x800000;
inline constexpr std::uint64_t kCloneChildSettid = 0x1000000, kCloneNewMask = 0x7e000000;
inline constexpr std::uint64_t kCloneIo = 0x80000000, kCloneClearSighand = 0x100000000;

/// clone3(2); the size of the first version is kCloneArgumentsV0.
struct CloneArguments {
    std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls;
    std::uint64_t set_tid, set_tid_count, cgroup;
};
inline constexpr std::uint64_t kCloneArgumentsV0 = 64;

inline constexpr std::uint32_t kWaitNoHang = 1, kWaitUntraced = 2, kWaitExited = 4;
inline constexpr std::uint32_t kWaitContinued = 8, kWaitNoWait = 0x01000000;
inline constexpr std::uint32_t kWaitNoThread = 0x20000000, kWaitAll = 0x40000000;
inline constexpr std::uint32_t kWaitClone = 0x80000000;

inline constexpr std::uint32_t kFutexWait = 0, kFutexWake = 1, kFutexRequeue = 3;
inline constexpr std::uint32_t kFutexCmpRequeue = 4, kFutexWakeOp = 5, kFutexWaitBitset = 9,
                               kFutexWakeBitset = 10;
inline constexpr std::uint32_t kFutexLockPi = 6, kFutexUnlockPi = 7, kFutexTrylockPi = 8,
                               kFutexWaitRequeuePi = 11, kFutexCmpRequeuePi = 12,
                               kFutexLockPi2 = 13;
inline constexpr std::uint32_t kFutexPrivate = 128, kFutexRealtime = 256;
inline constexpr std::uint32_t kFutexWaiters = 0x80000000, kFutexOwnerDied = 0x40000000;
inline constexpr std::uint32_t kFutexTidMask = 0x3fffffff;

/// An entry of a robust list is an address; this bit of it says that the lock inherits priority.
inline constexpr std::uint64_t kRobustPi = 1;
struct RobustListHead {
    std::uint64_t next;
    std::int64_t futex_offset;
    std::uint64_t pending;
};

enum class Limit : std::uint32_t {
    kCpu,
    kFileSize,
    kData,
    kStack,
    kCore,
    kResident,
    kProcesses,
    kFiles,
    kLocked,
    kAddressSpace,
    kLocks,
    kPendingSignals,
    kMessageQueue,
    kNice,
    kRealTimePriority,
    kRealTime,
};
/// personality(2).
inline constexpr std::uint32_t kPersonalityLinux = 0, kPersonalityLinux32 = 8;
inline constexpr std::uint32_t kPersonalityNoRandomize = 0x40000;  ///< ADDR_NO_RANDOMIZE

inline constexpr std::size_t kLimits = 16;
inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
struct ResourceLimit {
    std::uint64_t current, maximum;
};

struct ResourceUse {
    Timeval user, system;
    std::int64_t max_resident_kib, unused[3], minor_faults, major_faults, swaps, blocks_in;
    std::int64_t blocks_out, messages_sent, messages_received, signals, voluntary, involuntary;
};
static_assert(sizeof(ResourceUse) == 144);

struct ITimerSpec {
    Timespec interval, value;
};

struct Tms {
    std::int64_t user, system, child_user, child_system;  ///< of kTicksPerSecond
};
inline constexpr std::int64_t kTicksPerSecond = 100;

struct UtsName {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

struct SysInfo {
    std::int64_t uptime_seconds;
    std::uint64_t loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
    std::uint16_t processes, padding;
    std::uint32_t padding2;
    std::uint64_t total_high, free_high;
    std::uint32_t unit, padding3;
};
static_assert(sizeof(SysInfo) == 112);

/// Keys of the auxiliary vector (getauxval(3)).
enum class Aux : std::uint64_t {
    kNull = 0,
    kPhdr = 3,
    kPhent = 4,
    kPhnum = 5,
    kPagesz = 6,
    kBase = 7,
    kFlags = 8,
    kEntry = 9,
    kUid = 11,
    kEuid = 12,
    kGid = 13,
    kEgid = 14,
    kPlatform = 15,
    kHwcap = 16,
    kClktck = 17,
    kSecure = 23,
    kRandom = 25,
    kHwcap2 = 26,
    kRseqFeatureSize = 27,
    kRseqAlign = 28,
    kExecfn = 31,
    kSysinfoEhdr = 33,
    kMinsigstksz = 51,
};

}  // namespace exo::abi
