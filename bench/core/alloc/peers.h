// The allocators in the contest: each is a shared library of its own, loaded beside the others, and
// called through pointers from dlsym(3), so that all pay the same for the call.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace exo::bench {

struct Allocator {
    std::string name;
    void* (*malloc)(std::size_t);
    void (*free)(void*);
};

/// glibc's, ours ("exo"), mimalloc's, jemalloc's and tcmalloc's. Ends the program with a message if
/// one is missing. May restart the program: several of them do not fit into the static TLS space
/// that glibc leaves for dlopen(3) by default, and only the environment can ask for more.
[[nodiscard]] std::vector<Allocator> load_allocators(char** argv);

}  // namespace exo::bench
