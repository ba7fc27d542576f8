// Terminals as Linux's x86-64 ABI has them (termios(3), ioctl_tty(2), asm-generic/termbits.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace exo::abi {

/// The kernel's struct termios (TCGETS), which is not the C library's.
struct Termios {
    std::uint32_t input, output, control, local;
    std::uint8_t line;
    std::uint8_t characters[19];
};
static_assert(sizeof(Termios) == 36);

// Indices of characters.
enum TerminalCharacter : std::uint8_t {
    kVintr = 0,
    kVquit,
    kVerase,
    kVkill,
    kVeof,
    kVtime,
    kVmin,
    kVswtc,
    kVstart,
    kVstop,
    kVsusp,
    kVeol,
    kVreprint,
    kVdiscard,
    kVwerase,
    kVlnext,
    kVeol2,
};

// input
inline constexpr std::uint32_t kIgnbrk = 01, kBrkint = 02, kParmrk = 010, kIstrip = 040;
inline constexpr std::uint32_t kInlcr = 0100, kIgncr = 0200, kIcrnl = 0400, kIuclc = 01000;
inline constexpr std::uint32_t kIxon = 02000, kIxany = 04000, kIutf8 = 040000;
// output
inline constexpr std::uint32_t kOpost = 01, kOlcuc = 02, kOnlcr = 04, kOcrnl = 010, kOnocr = 020;
inline constexpr std::uint32_t kOnlret = 040, kTabDelay = 014000, kXtabs = 014000;
// control
inline constexpr std::uint32_t kB38400 = 017, kB115200 = 010002, kCs8 = 060, kCread = 0200;
inline constexpr std::uint32_t kCsize = 060, kParenb = 0400, kHupcl = 02000, kClocal = 04000;
// local
inline constexpr std::uint32_t kIsig = 01, kIcanon = 02, kEcho = 010, kEchoe = 020, kEchok = 040;
inline constexpr std::uint32_t kEchonl = 0100, kNoflsh = 0200, kTostop = 0400, kEchoctl = 01000;
inline constexpr std::uint32_t kEchoprt = 02000, kEchoke = 04000, kIexten = 0100000;

struct WindowSize {
    std::uint16_t rows, columns, x_pixels, y_pixels;
};

inline constexpr std::uint32_t kTcGets = 0x5401, kTcSets = 0x5402, kTcSetsw = 0x5403;
inline constexpr std::uint32_t kTcSetsf = 0x5404, kTcSbrk = 0x5409, kTcXonc = 0x540a;
inline constexpr std::uint32_t kTcFlsh = 0x540b, kTiocSctty = 0x540e, kTiocGpgrp = 0x540f;
inline constexpr std::uint32_t kTiocSpgrp = 0x5410, kTiocOutq = 0x5411, kTiocSti = 0x5412;
inline constexpr std::uint32_t kTiocGwinsz = 0x5413, kTiocSwinsz = 0x5414, kFionRead = 0x541b;
inline constexpr std::uint32_t kFionBio = 0x5421, kTiocNotty = 0x5422, kTiocGsid = 0x5429;
inline constexpr std::uint32_t kFioNClex = 0x5450, kFioClex = 0x5451;
inline constexpr std::uint32_t kFiClone = 0x40049409;  ///< ioctl_ficlone(2)
inline constexpr std::uint32_t kTcSbrkp = 0x5425, kTiocGetd = 0x5424;

// Of masters of pseudo-terminals (ioctl_tty(2), TIOCPKT).
inline constexpr std::uint32_t kTiocPkt = 0x5420, kTiocGptn = 0x80045430, kTiocSptlck = 0x40045431;
inline constexpr std::uint32_t kTiocSig = 0x40045436, kTiocGpkt = 0x80045438;
inline constexpr std::uint32_t kTiocGptlck = 0x80045439, kTiocGptpeer = 0x5441;
inline constexpr std::uint8_t kPktFlushRead = 1, kPktFlushWrite = 2, kPktStop = 4, kPktStart = 8;
inline constexpr std::uint8_t kPktNoStop = 16, kPktDoStop = 32;

// tcflush(3) and tcflow(3).
inline constexpr std::uint64_t kTciFlush = 0, kTcoFlush = 1, kTcioFlush = 2;
inline constexpr std::uint64_t kTcOoff = 0, kTcOon = 1, kTcIoff = 2, kTcIon = 3;

}  // namespace exo::abi
