// What the compiler puts into tables for functions that only derived classes define.
#include "kernel/core/panic.h"

extern "C" [[noreturn]] void __cxa_pure_virtual() {  // NOLINT(bugprone-reserved-identifier)
    exo::panic("a pure virtual function is called");
}
