// The end of a program or kernel whose own invariant is broken. Never reached by foreign input
// (style: no-assert-on-input). Whoever links the library defines panic(): the host in
// lib/base/host/panic.cpp, the kernel in its core.
#pragma once

namespace exo {

/// Prints `message`, which must be one line that says what was violated, and ends the world.
/// Callable from any context: takes no lock, allocates nothing.
[[noreturn, gnu::cold]] void panic(const char* message);

}  // namespace exo

/// Always checked. For what would corrupt memory if it went on.
#define EXO_CHECK(condition, message)  \
    do {                               \
        if (!(condition)) [[unlikely]] \
            ::exo::panic(message);     \
    } while (false)

/// Checked in debug and sanitizer builds.
#ifdef NDEBUG
#define EXO_ASSERT(condition) \
    do {                      \
    } while (false && (condition))
#else
#define EXO_ASSERT(condition) EXO_CHECK(condition, "assertion failed: " #condition)
#endif
