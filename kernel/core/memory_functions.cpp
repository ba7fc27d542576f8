// The functions that the compiler calls by name: memcpy and its kin, without SIMD registers.
#include <cstddef>
#include <cstdint>

extern "C" {

// REP MOVSB and STOSB are the fastest copy without SIMD where the CPU announces ERMS, and short.
void* memcpy(void* to, const void* from, std::size_t count) {
    void* out = to;
    asm volatile("rep movsb" : "+D"(out), "+S"(from), "+c"(count)::"memory");
    return to;
}

void* memset(void* to, int value, std::size_t count) {
    void* out = to;
    asm volatile("rep stosb" : "+D"(out), "+c"(count) : "a"(value) : "memory");
    return to;
}

void* memmove(void* to, const void* from, std::size_t count) {
    if (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) >= count) {
        return memcpy(to, from, count);
    }
    auto* out = static_cast<volatile unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    while (count-- > 0) out[count] = in[count];
    return to;
}

int memcmp(const void* a, const void* b, std::size_t count) {
    const auto* left = static_cast<const volatile unsigned char*>(a);
    const auto* right = static_cast<const volatile unsigned char*>(b);
    for (std::size_t i = 0; i < count; ++i) {
        if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
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
