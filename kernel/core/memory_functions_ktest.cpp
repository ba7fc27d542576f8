#include <cstring>

#include "kernel/core/ktest.h"

namespace exo {
namespace {

constexpr std::size_t kLongest = 330;  // more than the largest block and all that can be left
constexpr std::size_t kShifts = 20;
constexpr std::size_t kRoom = kLongest + 2 * kShifts;

std::uint8_t pattern(std::size_t i) {
    return static_cast<std::uint8_t>(i * 7 + 3);
}

void fill(std::uint8_t* bytes) {
    for (std::size_t i = 0; i < kRoom; ++i) bytes[i] = pattern(i);
}

// The compiler shall call, not do it itself.
void* (*volatile copy)(void*, const void*, std::size_t) = std::memcpy;
void* (*volatile move)(void*, const void*, std::size_t) = std::memmove;
void* (*volatile set)(void*, int, std::size_t) = std::memset;
int (*volatile compare)(const void*, const void*, std::size_t) = std::memcmp;

/// Bytes of `buffer` that are not `pattern` moved from `from` to `to`.
std::size_t wrong_after_move(const std::uint8_t* buffer, std::size_t to, std::size_t from,
                             std::size_t size) {
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < kRoom; ++i) {
        const bool moved = i >= to && i < to + size;
        wrong += buffer[i] != pattern(moved ? i - to + from : i);
    }
    return wrong;
}

}  // namespace

KERNEL_TEST(memmove_moves_overlapping_bytes_of_every_size) {
    static std::uint8_t buffer[kRoom];
    std::size_t wrong = 0;
    for (std::size_t size = 0; size <= kLongest; ++size) {
        for (std::size_t to = 0; to <= kShifts; ++to) {
            fill(buffer);
            wrong += move(buffer + to, buffer + kShifts / 2, size) != buffer + to;
            wrong += wrong_after_move(buffer, to, kShifts / 2, size);
        }
    }
    KTEST_EXPECT_EQ(wrong, std::size_t{0});
}

KERNEL_TEST(memcpy_and_memset_touch_what_they_are_told) {
    static std::uint8_t from[kRoom], buffer[kRoom];
    std::size_t wrong = 0;
    for (std::size_t size = 0; size <= kLongest; ++size) {
        fill(from);
        fill(buffer);
        copy(buffer + 5, from + 2, size);
        wrong += wrong_after_move(buffer, 5, 2, size);
        set(buffer + 3, 0x1a5, size);
        for (std::size_t i = 3; i < 3 + size; ++i) wrong += buffer[i] != 0xa5;
        wrong += buffer[2] != pattern(2);
        if (size >= 3) wrong += buffer[3 + size] != pattern(size >= 2 ? size : 3 + size);
    }
    KTEST_EXPECT_EQ(wrong, std::size_t{0});
}

KERNEL_TEST(memcmp_finds_the_first_difference) {
    static std::uint8_t left[kRoom], right[kRoom];
    fill(left);
    fill(right);
    std::size_t wrong = 0;
    for (std::size_t size = 0; size <= 40; ++size) {
        wrong += compare(left, right, size) != 0;
        for (std::size_t at = 0; at < size; ++at) {
            right[at] = static_cast<std::uint8_t>(left[at] + 1);
            const bool less = left[at] < right[at];
            wrong += (compare(left, right, size) < 0) != less;
            wrong += (compare(right, left, size) > 0) != less;
            // A later difference the other way does not count.
            right[size] = static_cast<std::uint8_t>(left[size] - 1);
            wrong += (compare(left, right, size + 1) < 0) != less;
            right[size] = left[size];
            right[at] = left[at];
        }
    }
    KTEST_EXPECT_EQ(wrong, std::size_t{0});
}

}  // namespace exo
