// The one error enumeration of the system: Linux's numbers (errno(3)). The type's name carries the
// E, so that <errno.h>'s macros cannot collide: EINVAL is Errno::INVAL (E2BIG is Errno::TOOBIG).
#pragma once

#include <cstdint>

namespace exo {

enum class Errno : std::int32_t {
#define EXO_ERRNO(name, number, text) name = (number),
#include "abi/errno.def"
#undef EXO_ERRNO
};

/// "Invalid argument" for Errno::INVAL; "Unknown error" for a number Linux does not have.
[[nodiscard]] constexpr const char* errno_text(Errno error) {
    switch (error) {
#define EXO_ERRNO(name, number, text) \
    case Errno::name:                 \
        return text;
#include "abi/errno.def"
#undef EXO_ERRNO
    }
    return "Unknown error";
}

}  // namespace exo
