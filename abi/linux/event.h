// What a program waits with, as Linux's x86-64 ABI has it: epoll(7), eventfd(2), timerfd_create(2),
// signalfd(2), inotify(7).
#pragma once

#include <cstdint>

namespace exo::abi {

inline constexpr std::uint32_t kEpollCtlAdd = 1, kEpollCtlDel = 2, kEpollCtlMod = 3;
inline constexpr std::uint32_t kEpollEdge = 1u << 31, kEpollOneShot = 1u << 30;
inline constexpr std::uint32_t kEpollWakeUp = 1u << 29, kEpollExclusive = 1u << 28;
/// Beside these only what kEpollExclusive may come with: EPOLLIN, OUT, ERR, HUP, the normal bits.
inline constexpr std::uint32_t kEpollExclusiveOk =
    0x15d | kEpollEdge | kEpollWakeUp | kEpollExclusive;

/// Packed on x86-64, so that 32-bit programs have the same.
struct [[gnu::packed]] EpollEvent {
    std::uint32_t events;
    std::uint64_t data;
};
static_assert(sizeof(EpollEvent) == 12);

inline constexpr std::uint32_t kEventFdSemaphore = 1;

struct InotifyEvent {
    std::int32_t watch;
    std::uint32_t mask;
    std::uint32_t cookie;
    std::uint32_t name_bytes;  ///< of what follows
};
static_assert(sizeof(InotifyEvent) == 16);

/// Beside events, which FileEvents has.
inline constexpr std::uint32_t kInOverflow = 0x4000, kInIgnored = 0x8000;
inline constexpr std::uint32_t kInOnlyDirectory = 0x1000000, kInDoNotFollow = 0x2000000;
inline constexpr std::uint32_t kInExcludeUnlinked = 0x4000000, kInMaskCreate = 0x10000000;
inline constexpr std::uint32_t kInMaskAdd = 0x20000000, kInOneShot = 0x80000000;
/// All bits that there are, IN_UNMOUNT and IN_ISDIR too.
inline constexpr std::uint32_t kInAll = 0xf700efff;

inline constexpr std::uint32_t kTimerAbsolute = 1, kTimerCancelOnSet = 2;

struct SignalFdInfo {
    std::uint32_t signo;
    std::int32_t error, code;
    std::uint32_t pid, uid;
    std::int32_t fd;
    std::uint32_t timer_id, band, overrun, trap_number;
    std::int32_t status, value_int;
    std::uint64_t value_pointer, user_time, system_time, address;
    std::uint16_t address_lsb, padding2;
    std::int32_t syscall;
    std::uint64_t call_address;
    std::uint32_t arch;
    std::uint8_t padding[28];
};
static_assert(sizeof(SignalFdInfo) == 128);

}  // namespace exo::abi
