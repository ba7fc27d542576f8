// The end of a program that misuses its heap: one clear line through exo::panic, and no return.
// Going on would hand the same memory out twice.
#pragma once

#include <cstddef>

namespace exo::alloc {

/// Panics with "exo_alloc: <what> 0x<address>", and " (<class_bytes>-byte class)" when not 0.
/// `what` reads up to the address: "double free of".
[[noreturn, gnu::cold]] void corruption(const char* what, const void* address,
                                        std::size_t class_bytes = 0);

}  // namespace exo::alloc
