// Enumerations whose values are bits, used as sets of them.
#pragma once

#include <type_traits>
#include <utility>

namespace exo {

/// To be made true for such an enumeration, right behind it.
template <typename T>
inline constexpr bool kIsBitSet = false;

template <typename T>
concept BitSet = std::is_enum_v<T> && kIsBitSet<T>;

template <BitSet T>
[[nodiscard]] constexpr T operator|(T a, T b) {
    return static_cast<T>(std::to_underlying(a) | std::to_underlying(b));
}

template <BitSet T>
[[nodiscard]] constexpr T operator&(T a, T b) {
    return static_cast<T>(std::to_underlying(a) & std::to_underlying(b));
}

/// Whether any of `bits` is in `set`.
template <BitSet T>
[[nodiscard]] constexpr bool has(T set, T bits) {
    return std::to_underlying(set & bits) != 0;
}

}  // namespace exo
