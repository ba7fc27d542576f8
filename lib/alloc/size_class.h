// Size classes: every multiple of 16 up to 1 KiB, then 16 steps an octave up to 32 KiB, so that
// rounding wastes at most 15 bytes or 1/16. A class's number is also the index of everything kept
// by class: 0 is "no class", kLargeClass a page run of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/bits.h"

namespace exo::alloc {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr unsigned kPageShift = 12;
inline constexpr std::size_t kMinAlign = 16;

inline constexpr std::size_t kSmallMax = 1024;      ///< largest size with classes 16 bytes apart
inline constexpr std::size_t kSlabMax = 32 * 1024;  ///< largest size served from slabs
inline constexpr unsigned kSmallClasses = kSmallMax / 16;
inline constexpr unsigned kStepsPerOctave = 16;
inline constexpr unsigned kClassCount =
    kSmallClasses + kStepsPerOctave * (log2_floor(kSlabMax) - log2_floor(kSmallMax));
inline constexpr unsigned kLargeClass = kClassCount + 1;
inline constexpr unsigned kMaxObjects = 1024;  ///< objects in a slab
inline constexpr unsigned kMaxMagazine = 63;   ///< pointers in a magazine: 512 bytes with its link

using ClassId = unsigned;

/// The class of sizes above kSmallMax; `last` is the size minus 1, below kSlabMax.
[[nodiscard]] constexpr ClassId medium_class(std::size_t last) {
    const unsigned octave = log2_floor(last);
    const auto step = static_cast<unsigned>(last >> (octave - 4)) & (kStepsPerOctave - 1);
    return kSmallClasses + (octave - log2_floor(kSmallMax)) * kStepsPerOctave + step + 1;
}

/// The smallest class that holds `size` bytes, 1 to kSlabMax.
[[nodiscard]] constexpr ClassId class_of(std::size_t size) {
    const std::size_t last = size - 1;
    if (last < kSmallMax) return static_cast<ClassId>(last >> 4) + 1;
    return medium_class(last);
}

/// What the slab level must know of a class.
struct ClassInfo {
    std::uint32_t size;         ///< bytes of an object
    std::uint32_t reciprocal;   ///< ceil(2^32 / size): an offset's object without a division
    std::uint16_t objects;      ///< in one slab
    std::uint8_t pages;         ///< of one slab
    std::uint8_t bucket_shift;  ///< free objects >> this = fullness bucket
    std::uint8_t words;         ///< of the bitmap
    std::uint8_t magazine;      ///< pointers in one magazine
};

inline constexpr unsigned kFullnessBuckets = 8;

namespace detail {

constexpr std::uint32_t class_size(ClassId id) {
    if (id <= kSmallClasses) return id * 16;
    const unsigned step = (id - kSmallClasses - 1) % kStepsPerOctave;
    const unsigned octave = (id - kSmallClasses - 1) / kStepsPerOctave;
    // An octave begins one step above the power of two that ends the last.
    return (static_cast<std::uint32_t>(kSmallMax) + (step + 1) * 64U) << octave;
}

/// Pages of a slab: the fewest that hold 8 objects with a tail of at most 1/256, and stay within
/// 32 pages and kMaxObjects; where none does, the count with the smallest tail.
constexpr std::uint8_t slab_pages(std::uint32_t size) {
    unsigned best = 0;
    std::size_t best_tail = 1;
    std::size_t best_bytes = 1;
    for (unsigned pages = 8; pages <= 32; ++pages) {
        const std::size_t bytes = pages * kPageBytes;
        const std::size_t tail = bytes % size;
        if (bytes / size >= 8 && tail * 256 <= bytes) return static_cast<std::uint8_t>(pages);
        if (bytes / size >= 2 && tail * best_bytes < best_tail * bytes) {
            best = pages;
            best_tail = tail;
            best_bytes = bytes;
        }
    }
    return static_cast<std::uint8_t>(best);
}

/// 8 KiB worth of objects up to 1 KiB, few of the larger: what a thread may hoard of each class.
constexpr std::uint8_t magazine_capacity(std::uint32_t size) {
    if (size <= 128) return kMaxMagazine;
    if (size <= 256) return 31;
    if (size <= 1024) return 15;
    if (size <= 4096) return 7;
    return 3;
}

constexpr ClassInfo class_info(ClassId id) {
    const std::uint32_t size = class_size(id);
    const std::uint8_t pages = size * kMaxObjects <= 4 * kPageBytes ? 4 : slab_pages(size);
    const auto objects = static_cast<std::uint16_t>(pages * kPageBytes / size);
    const unsigned bits = log2_floor<unsigned>(objects) + 1;
    return {.size = size,
            .reciprocal = static_cast<std::uint32_t>(((1ULL << 32) + size - 1) / size),
            .objects = objects,
            .pages = pages,
            .bucket_shift = static_cast<std::uint8_t>(bits > 3 ? bits - 3 : 0),
            .words = static_cast<std::uint8_t>((objects + 63) / 64),
            .magazine = magazine_capacity(size)};
}

constexpr auto make_class_table() {
    std::array<ClassInfo, kClassCount + 1> table{};
    for (ClassId id = 1; id <= kClassCount; ++id) table[id] = class_info(id);
    return table;
}

}  // namespace detail

/// By ClassId; entry 0 is empty.
inline constexpr auto kClasses = detail::make_class_table();

static_assert(kClasses[kClassCount].size == kSlabMax);
static_assert(kLargeClass <= 255, "a page's class is one byte");
static_assert([] {
    for (ClassId id = 1; id <= kClassCount; ++id) {
        const ClassInfo& info = kClasses[id];
        if (class_of(info.size) != id || info.size % kMinAlign != 0) return false;
        if (id > 1 && class_of(kClasses[id - 1].size + 1) != id) return false;
        if (info.objects < 2 || info.objects > kMaxObjects) return false;
        if ((info.objects >> info.bucket_shift) >= kFullnessBuckets) return false;
        // At most 3/256 of a slab is tail.
        if (info.pages * kPageBytes % info.size * 256 > 3 * info.pages * kPageBytes) return false;
    }
    return true;
}());

}  // namespace exo::alloc
