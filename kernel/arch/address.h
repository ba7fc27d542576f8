// Addresses that cannot be mixed up, and where the kernel's parts of the address space lie.
//
//   0000000000000000  user
//   ffff800000000000  direct map of physical memory, readable and writable
//   ffffc00000000000  kernel mappings: stacks with guard pages, device registers
//   ffffffff80000000  kernel image
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "lib/base/bits.h"

namespace exo {

inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kLargePageSize = 2 * 1024 * 1024;

/// An address in one space, not convertible to one in another.
template <typename Space>
struct Address {
    std::uint64_t value = 0;

    constexpr Address() = default;
    explicit constexpr Address(std::uint64_t v) : value(v) {}

    friend constexpr auto operator<=>(const Address&, const Address&) = default;
    friend constexpr Address operator+(Address a, std::uint64_t bytes) {
        return Address(a.value + bytes);
    }
    friend constexpr std::uint64_t operator-(Address a, Address b) { return a.value - b.value; }
    constexpr Address& operator+=(std::uint64_t bytes) {
        value += bytes;
        return *this;
    }
    [[nodiscard]] constexpr bool aligned(std::uint64_t to) const { return value % to == 0; }
};

using PhysAddr = Address<struct PhysicalSpace>;
using VirtAddr = Address<struct VirtualSpace>;

inline constexpr VirtAddr kDirectMap{0xffff800000000000};
inline constexpr std::uint64_t kDirectMapSize = std::uint64_t{64} << 40;
inline constexpr VirtAddr kKernelMappings{0xffffc00000000000};
inline constexpr VirtAddr kKernelImage{0xffffffff80000000};

/// Where the kernel sees physical memory. Only for RAM: devices are mapped with their own caching.
[[nodiscard]] constexpr VirtAddr direct(PhysAddr address) {
    return kDirectMap + address.value;
}

template <typename T>
[[nodiscard]] T* direct_pointer(PhysAddr address) {
    return reinterpret_cast<T*>(direct(address).value);
}

/// The physical address of something in the direct map.
[[nodiscard]] inline PhysAddr physical_of(const void* direct_mapped) {
    return PhysAddr(reinterpret_cast<std::uint64_t>(direct_mapped) - kDirectMap.value);
}

}  // namespace exo
