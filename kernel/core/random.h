// Random bytes for programs and kernel: ChaCha20 with fast key erasure (D. J. Bernstein, 2017):
// each request makes a new key from the old one and its bytes from a key that is forgotten at once,
// so that who learns the state cannot tell what was given out before. Seeded from the processor at
// the first request, stirred with the time stamp counter at each.
#pragma once

#include <cstddef>

namespace exo {

/// Fills `bytes` bytes. Any context but NMI.
void fill_random(void* to, std::size_t bytes);

}  // namespace exo
