// What a handle allows. Rights only shrink when a handle is passed on.
#pragma once

#include <cstdint>

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
constexpr Rights operator|(Rights a, Rights b) {
    return static_cast<Rights>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr Rights operator&(Rights a, Rights b) {
    return static_cast<Rights>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}
constexpr bool includes(Rights held, Rights wanted) {
    return (held & wanted) == wanted;
}

}  // namespace exo
