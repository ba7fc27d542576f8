// A program's memory as types (style: user-typed): an address of it is never a T*. Reading copies
// once (fetch-once); T has no padding, so that nothing of the kernel leaks. FAULT: not mapped or
// not allowed. All may sleep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "kernel/arch/user_copy.h"
#include "lib/base/result.h"

namespace exo {

struct UserAddr {
    std::uint64_t value = 0;
    [[nodiscard]] bool is_null() const { return value == 0; }
    friend UserAddr operator+(UserAddr a, std::uint64_t bytes) { return {a.value + bytes}; }
    auto operator<=>(const UserAddr&) const = default;
};

template <typename T>
concept UserData = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

inline Result<void> read_user(void* to, UserAddr from, std::size_t bytes) {
    if (arch::copy_from_user(to, from.value, bytes) != 0) return Errno::FAULT;
    return {};
}
inline Result<void> write_user(UserAddr to, const void* from, std::size_t bytes) {
    if (arch::copy_to_user(to.value, from, bytes) != 0) return Errno::FAULT;
    return {};
}

/// A T in the program's memory that the kernel reads.
template <UserData T>
struct UserIn {
    UserAddr at;
    [[nodiscard]] bool is_null() const { return at.is_null(); }
    Result<T> read() const { return read(0); }
    Result<T> read(std::size_t index) const {
        T value;
        TRY(read_user(&value, at + index * sizeof(T), sizeof(T)));
        return value;
    }
};

/// A T in the program's memory that the kernel writes.
template <UserData T>
struct UserOut {
    UserAddr at;
    [[nodiscard]] bool is_null() const { return at.is_null(); }
    Result<void> write(const T& value) const { return write(0, value); }
    Result<void> write(std::size_t index, const T& value) const {
        return write_user(at + index * sizeof(T), &value, sizeof(T));
    }
};

/// Bytes in the program's memory.
struct UserSpan {
    UserAddr at;
    std::uint64_t bytes = 0;
};

}  // namespace exo
