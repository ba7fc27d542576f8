// What a handle allows. Rights only shrink when a handle is passed on.
#pragma once

#include <cstdint>

#include "lib/base/bit_set.h"

namespace exo {

enum class Rights : std::uint32_t {
    kNone = 0,
    kRead = 1 << 0,
    kWrite = 1 << 1,
    kExecute = 1 << 2,  ///< run it, or walk through it
    kMap = 1 << 3,
    kDuplicate = 1 << 4,  ///< make further handles of it
    kTransfer = 1 << 5,   ///< pass it to another process
    kControl = 1 << 6,    ///< change its attributes
    kAll = (1 << 7) - 1,
};
template <>
inline constexpr bool kIsBitSet<Rights> = true;
constexpr bool includes(Rights held, Rights wanted) {
    return (held & wanted) == wanted;
}

}  // namespace exo
