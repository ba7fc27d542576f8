// Arguments of system calls as types (style: typed-handler). A register's 64 bits become what a
// handler's parameter says; the same type says how a trace prints it.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "abi/linux/file.h"
#include "kernel/mm/user_memory.h"
#include "kernel/object/handle_table.h"
#include "lib/base/box.h"
#include "posix_x/path.h"

namespace exo::posix {

/// Where a relative path of an *at() call begins: a descriptor, or AT_FDCWD.
struct DirFd {
    std::int32_t value = abi::kAtFdCwd;
    [[nodiscard]] bool is_cwd() const { return value == abi::kAtFdCwd; }
    [[nodiscard]] Fd fd() const { return Fd{value}; }
};

/// A set of 32 flag bits, of which a handler says what it knows.
struct Flags {
    std::uint32_t bits = 0;
    [[nodiscard]] bool has(std::uint32_t flag) const { return (bits & flag) != 0; }
    [[nodiscard]] bool only(std::uint32_t known) const { return (bits & ~known) == 0; }
};

/// Permission bits of a new file; bits that Linux ignores are dropped on use.
struct ModeBits {
    std::uint32_t value = 0;
};

/// How a trace prints an argument.
enum class ArgumentKind : std::uint8_t {
    kSigned,
    kUnsigned,
    kHex,
    kOctal,
    kFd,
    kDirFd,
    kAddress,
    kPath
};

template <typename T>
consteval ArgumentKind argument_kind() {
    if constexpr (std::is_same_v<T, Fd>)
        return ArgumentKind::kFd;
    else if constexpr (std::is_same_v<T, DirFd>)
        return ArgumentKind::kDirFd;
    else if constexpr (std::is_same_v<T, UserPath>)
        return ArgumentKind::kPath;
    else if constexpr (std::is_same_v<T, Flags>)
        return ArgumentKind::kHex;
    else if constexpr (std::is_same_v<T, ModeBits>)
        return ArgumentKind::kOctal;
    else if constexpr (std::signed_integral<T>)
        return ArgumentKind::kSigned;
    else if constexpr (std::unsigned_integral<T> || std::is_enum_v<T>)
        return ArgumentKind::kUnsigned;
    else
        return ArgumentKind::kAddress;
}

/// A register as a T. Narrow types take the low bits, as Linux's do.
template <typename T>
constexpr T decode_argument(std::uint64_t raw) {
    if constexpr (std::is_same_v<T, DirFd>) {
        return {static_cast<std::int32_t>(raw)};
    } else if constexpr (std::is_same_v<T, Flags> || std::is_same_v<T, ModeBits>) {
        return {static_cast<std::uint32_t>(raw)};
    } else if constexpr (std::integral<T> || std::is_enum_v<T>) {
        return static_cast<T>(raw);
    } else if constexpr (std::is_same_v<T, UserAddr>) {
        return {raw};
    } else {
        return T{UserAddr{raw}};  // UserIn, UserOut, UserPath
    }
}

}  // namespace exo::posix
