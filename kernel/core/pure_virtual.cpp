// What the compiler puts into tables for functions that only derived classes define.
#include "kernel/core/panic.h"

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the compiler's name
extern "C" [[noreturn]] void __cxa_pure_virtual() {
    exo::panic("a pure virtual function is called");
}
