// Powers of two, alignment and checked sizes.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace exo {

/// `value` rounded up to a multiple of `alignment`, a power of two. Wraps past the type's end:
/// sizes from outside go through checked_align_up.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T align_up(T value, T alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr T align_down(T value, T alignment) {
    return value & ~(alignment - 1);
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) {
    T sum;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_mul(T a, T b) {
    T product;
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_align_up(T value, T alignment) {
    const auto padded = checked_add<T>(value, alignment - 1);
    if (!padded) return std::nullopt;
    return *padded & ~(alignment - 1);
}

/// Floor of the base-2 logarithm; `value` is not 0.
template <std::unsigned_integral T>
[[nodiscard]] constexpr unsigned log2_floor(T value) {
    return static_cast<unsigned>(std::bit_width(value)) - 1;
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr unsigned log2_ceil(T value) {
    return value <= 1 ? 0 : log2_floor<T>(value - 1) + 1;
}

}  // namespace exo
