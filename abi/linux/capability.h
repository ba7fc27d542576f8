// Numbers of capabilities(7).
#pragma once

namespace exo::abi {

inline constexpr unsigned kCapChown = 0, kCapDacOverride = 1, kCapDacReadSearch = 2, kCapFowner = 3;
inline constexpr unsigned kCapFsetid = 4, kCapKill = 5, kCapSetgid = 6, kCapSetuid = 7;
inline constexpr unsigned kCapIpcLock = 14, kCapSysChroot = 18, kCapSysPtrace = 19;
inline constexpr unsigned kCapSysAdmin = 21, kCapSysBoot = 22, kCapSysNice = 23;
inline constexpr unsigned kCapSysResource = 24, kCapSysTime = 25, kCapMknod = 27, kCapSyslog = 34;

}  // namespace exo::abi
