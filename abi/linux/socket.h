// Sockets as Linux's x86-64 ABI has them: socket(2), unix(7), recvmsg(2), cmsg(3).
#pragma once

#include <cstdint>

namespace exo::abi {

inline constexpr std::uint16_t kAfUnspecified = 0, kAfUnix = 1;
inline constexpr std::uint32_t kSockStream = 1, kSockDatagram = 2, kSockRaw = 3, kSockPackets = 5;
inline constexpr std::uint32_t kSockTypeMask = 0xf;

struct SockaddrUn {
    std::uint16_t family;
    char path[108];
};
static_assert(sizeof(SockaddrUn) == 110);

inline constexpr std::uint32_t kMsgOob = 0x1, kMsgPeek = 0x2, kMsgCtrunc = 0x8, kMsgTrunc = 0x20;
inline constexpr std::uint32_t kMsgDontWait = 0x40, kMsgEor = 0x80, kMsgWaitAll = 0x100;
inline constexpr std::uint32_t kMsgNoSignal = 0x4000, kMsgCloseOnExec = 0x40000000;
inline constexpr std::uint32_t kMsgErrQueue = 0x2000, kMsgWaitForOne = 0x10000;

struct MsgHdr {
    std::uint64_t name;
    std::uint32_t name_bytes, padding;
    std::uint64_t vectors, vector_count, control, control_bytes;
    std::uint32_t flags, padding2;
};
static_assert(sizeof(MsgHdr) == 56);
struct MMsgHdr {
    MsgHdr message;
    std::uint32_t bytes, padding;
};

/// Followed by its data; the next begins at a multiple of 8.
struct CmsgHdr {
    std::uint64_t bytes;
    std::int32_t level, type;
};
static_assert(sizeof(CmsgHdr) == 16);

inline constexpr std::int32_t kSolSocket = 1, kScmRights = 1, kScmCredentials = 2;
struct Ucred {
    std::int32_t pid;
    std::uint32_t uid, gid;
};

inline constexpr std::uint32_t kSoReuseAddr = 2, kSoType = 3, kSoError = 4, kSoBroadcast = 6;
inline constexpr std::uint32_t kSoSndBuf = 7, kSoRcvBuf = 8, kSoKeepAlive = 9, kSoPassCred = 16;
inline constexpr std::uint32_t kSoPeerCred = 17, kSoAcceptConn = 30, kSoProtocol = 38;
inline constexpr std::uint32_t kSoDomain = 39;

}  // namespace exo::abi
