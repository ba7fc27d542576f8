#include "bench/core/alloc/peers.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace exo::bench {

namespace {

void give_room_for_tls(char** argv) {
    constexpr const char* kTunable = "glibc.rtld.optional_static_tls=65536";
    const char* now = std::getenv("GLIBC_TUNABLES");
    if (now != nullptr && std::strstr(now, kTunable) != nullptr) return;
    setenv("GLIBC_TUNABLES", kTunable, 1);
    execv("/proc/self/exe", argv);
    std::perror("execv");
    std::exit(1);
}

Allocator load(const char* name, const char* library) {
    void* handle = library == nullptr ? RTLD_DEFAULT : dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr && handle == nullptr) {
        std::fprintf(stderr, "%s: %s\n", name, dlerror());
        std::exit(1);
    }
    Allocator allocator{name, reinterpret_cast<void* (*)(std::size_t)>(dlsym(handle, "malloc")),
                        reinterpret_cast<void (*)(void*)>(dlsym(handle, "free"))};
    if (allocator.malloc == nullptr || allocator.free == nullptr) {
        std::fprintf(stderr, "%s: no malloc or free in %s\n", name, library);
        std::exit(1);
    }
    return allocator;
}

}  // namespace

std::vector<Allocator> load_allocators(char** argv) {
    give_room_for_tls(argv);
    return {load("exo", EXO_ALLOC_LIBRARY), load("glibc", nullptr),
            load("mimalloc", "libmimalloc.so.2"), load("jemalloc", "libjemalloc.so.2"),
            load("tcmalloc", "libtcmalloc_minimal.so.4")};
}

}  // namespace exo::bench
