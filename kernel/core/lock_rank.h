// The global lock order: a lock may be taken only while all locks held on this CPU have a higher
// rank. Reading down is the order in which a path may nest them. Checked in every boot of a build
// with assertions (lock_order.h).
#pragma once

#include <cstdint>

namespace exo {

enum class LockRank : std::uint8_t {
    kTest = 200,   ///< locks of kernel tests, above everything
    kFrames = 40,  ///< physical frames
    kLog = 10,     ///< the kernel log: anybody may log while holding anything
    kConsole = 5,  ///< a console's output
    kNone = 0,     ///< nothing may be taken under it
};

}  // namespace exo
