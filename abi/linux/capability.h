// Capabilities as capget(2) and prctl(2) tell them: capabilities(7).
#pragma once

#include <cstdint>

namespace exo::abi {

inline constexpr unsigned kCapChown = 0, kCapDacOverride = 1, kCapDacReadSearch = 2, kCapFowner = 3;
inline constexpr unsigned kCapFsetid = 4, kCapKill = 5, kCapSetgid = 6, kCapSetuid = 7;
inline constexpr unsigned kCapSetpcap = 8;
inline constexpr unsigned kCapIpcLock = 14, kCapSysChroot = 18, kCapSysPtrace = 19;
inline constexpr unsigned kCapSysAdmin = 21, kCapSysBoot = 22, kCapSysNice = 23;
inline constexpr unsigned kCapSysResource = 24, kCapSysTime = 25, kCapMknod = 27, kCapSyslog = 34;
/// CAP_CHECKPOINT_RESTORE.
inline constexpr unsigned kCapLast = 40;

/// struct __user_cap_header_struct.
struct CapabilityHeader {
    std::uint32_t version;
    std::int32_t pid;
};

/// struct __user_cap_data_struct: 32 capabilities of each set; versions 2 and 3 have two of them.
struct CapabilityData {
    std::uint32_t effective, permitted, inheritable;
};

inline constexpr std::uint32_t kCapabilityVersion1 = 0x19980330;
inline constexpr std::uint32_t kCapabilityVersion2 = 0x20071026;
inline constexpr std::uint32_t kCapabilityVersion3 = 0x20080522;

/// Securebits: what user 0 is not granted. Each has a lock, the next bit.
inline constexpr std::uint32_t kSecureNoRoot = 1 << 0, kSecureNoSetuidFixup = 1 << 2;
inline constexpr std::uint32_t kSecureKeepCaps = 1 << 4, kSecureNoAmbientRaise = 1 << 6;
inline constexpr std::uint32_t kSecureBits = 0x55, kSecureLocks = kSecureBits << 1;

/// Operations of PR_CAP_AMBIENT.
inline constexpr std::uint64_t kAmbientIsSet = 1, kAmbientRaise = 2, kAmbientLower = 3;
inline constexpr std::uint64_t kAmbientClearAll = 4;

}  // namespace exo::abi
