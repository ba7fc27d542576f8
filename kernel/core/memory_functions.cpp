// The functions that the compiler calls by name: memcpy and its kin, without SIMD registers.
//
// Copies load the last (or first) 16 bytes before anything is stored, go by 64 and 16 bytes, and
// end with those, which may overlap what was copied. No REP MOVSB and STOSB: they are slower where
// they are emulated, and below some hundred bytes everywhere.
#include <cstddef>
#include <cstdint>

namespace {

template <typename T>
struct [[gnu::packed, gnu::may_alias]] Unaligned {
    T value;
};

template <typename T>
T load(const unsigned char* at) {
    return reinterpret_cast<const Unaligned<T>*>(at)->value;
}

template <typename T>
void store(unsigned char* at, T value) {
    reinterpret_cast<Unaligned<T>*>(at)->value = value;
}

using Word = std::uint64_t;
constexpr std::size_t kBlock = 64;
constexpr std::size_t kSetBlock = 256;  // most of what is set is pages

/// Two words, all loaded before they are stored.
void move_pair(unsigned char* to, const unsigned char* from) {
    const Word first = load<Word>(from);
    const Word second = load<Word>(from + 8);
    store(to, first);
    store(to + 8, second);
}

/// Four words, so: as many as there are registers that need not be saved.
void move_four(unsigned char* to, const unsigned char* from) {
    const Word words[] = {load<Word>(from), load<Word>(from + 8), load<Word>(from + 16),
                          load<Word>(from + 24)};
    store(to, words[0]);
    store(to + 8, words[1]);
    store(to + 16, words[2]);
    store(to + 24, words[3]);
}

/// Both ends, which overlap where `count` is less than two of T.
template <typename T>
void move_ends(unsigned char* to, const unsigned char* from, std::size_t count) {
    const T first = load<T>(from);
    const T last = load<T>(from + count - sizeof(T));
    store(to, first);
    store(to + count - sizeof(T), last);
}

/// Fewer than 16 bytes, overlapping or not.
void move_few(unsigned char* to, const unsigned char* from, std::size_t count) {
    if (count >= 8) {
        move_ends<Word>(to, from, count);
    } else if (count >= 4) {
        move_ends<std::uint32_t>(to, from, count);
    } else if (count >= 2) {
        move_ends<std::uint16_t>(to, from, count);
    } else if (count == 1) {
        *to = *from;
    }
}

/// By 64 and 16 bytes, where `to` is not within what comes after `from`; what is left is not moved.
void move_forward(unsigned char* to, const unsigned char* from, std::size_t count) {
    for (; count >= kBlock; count -= kBlock, to += kBlock, from += kBlock) {
        move_four(to, from);
        move_four(to + kBlock / 2, from + kBlock / 2);
    }
#pragma clang loop unroll(disable)
    for (; count >= 16; count -= 16, to += 16, from += 16) move_pair(to, from);
}

/// The same from the end, where `from` is not within what comes after `to`.
void move_backward(unsigned char* to, const unsigned char* from, std::size_t count) {
    while (count >= kBlock) {
        count -= kBlock;
        move_four(to + count + kBlock / 2, from + count + kBlock / 2);
        move_four(to + count, from + count);
    }
    while (count >= 16) {
        count -= 16;
        move_pair(to + count, from + count);
    }
}

}  // namespace

// The compiler must not see a copy in what copies, and call it.
#define NO_CALL_OF_ITSELF __attribute__((no_builtin("memcpy", "memmove", "memset", "memcmp")))

extern "C" {

NO_CALL_OF_ITSELF void* memcpy(void* to, const void* from, std::size_t count) {
    auto* out = static_cast<unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    if (count < 16) {
        move_few(out, in, count);
    } else {
        move_forward(out, in, count);
        move_pair(out + count - 16, in + count - 16);
    }
    return to;
}

NO_CALL_OF_ITSELF void* memmove(void* to, const void* from, std::size_t count) {
    auto* out = static_cast<unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    if (count < 16) {
        move_few(out, in, count);
        return to;
    }
    // What comes last is loaded before it may be overwritten.
    const bool within =
        reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) < count;
    const std::size_t at = within ? 0 : count - 16;
    const Word first = load<Word>(in + at);
    const Word second = load<Word>(in + at + 8);
    within ? move_backward(out, in, count) : move_forward(out, in, count);
    store(out + at, first);
    store(out + at + 8, second);
    return to;
}

NO_CALL_OF_ITSELF void* memset(void* to, int value, std::size_t count) {
    auto* out = static_cast<unsigned char*>(to);
    const Word word = static_cast<unsigned char>(value) * Word{0x0101'0101'0101'0101};
    if (count < 8) {
        for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<unsigned char>(value);
        return to;
    }
    store(out + count - 8, word);
    for (; count >= kSetBlock; count -= kSetBlock, out += kSetBlock) {
#pragma clang loop unroll(full)
        for (std::size_t i = 0; i < kSetBlock; i += sizeof word) store(out + i, word);
    }
#pragma clang loop unroll(disable)
    for (; count >= 32; count -= 32, out += 32) {
        store(out, word);
        store(out + 8, word);
        store(out + 16, word);
        store(out + 24, word);
    }
#pragma clang loop unroll(disable)
    for (; count >= 8; count -= 8, out += 8) store(out, word);
    return to;
}

NO_CALL_OF_ITSELF int memcmp(const void* a, const void* b, std::size_t count) {
    const auto* left = static_cast<const unsigned char*>(a);
    const auto* right = static_cast<const unsigned char*>(b);
    for (; count >= 8; count -= 8, left += 8, right += 8) {
        if (load<Word>(left) != load<Word>(right)) break;
    }
    if (count >= 4 && load<std::uint32_t>(left) == load<std::uint32_t>(right)) {
        count -= 4, left += 4, right += 4;
    }
    for (; count > 0; --count, ++left, ++right) {
        if (*left != *right) return *left < *right ? -1 : 1;
    }
    return 0;
}

void* memchr(const void* bytes, int value, std::size_t count) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < count; ++i) {
        if (at[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(at + i);
    }
    return nullptr;
}

std::size_t strlen(const char* text) {
    std::size_t length = 0;
    while (static_cast<const volatile char*>(text)[length] != '\0') ++length;
    return length;
}
}
