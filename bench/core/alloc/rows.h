// The groups of rows of this program, each in its file.
#pragma once

#include <vector>

#include "bench/core/alloc/peers.h"

namespace exo::bench {

void level_rows(const std::vector<Allocator>& allocators);
void thread_rows(const std::vector<Allocator>& allocators);

}  // namespace exo::bench
