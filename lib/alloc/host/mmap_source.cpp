#include "lib/alloc/host/mmap_source.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "lib/base/bits.h"
#include "lib/base/cpu.h"
#include "lib/base/panic.h"

namespace exo::alloc::host {

namespace {

constexpr std::size_t kLeastReserve = std::size_t{4} << 20;

/// A move leaves its pages' mapping split for good (a vma's page offset goes with the pages), and a
/// process has 65,530 of them (vm.max_map_count): moves stop long before.
constexpr unsigned kMostMoves = 8192;
std::atomic<unsigned> moves{0};

class KeepErrno {
  public:
    KeepErrno() : saved_(errno) {}
    ~KeepErrno() { errno = saved_; }
    KeepErrno(const KeepErrno&) = delete;
    KeepErrno& operator=(const KeepErrno&) = delete;

  private:
    int saved_;
};

bool commit(void* /*context*/, std::byte* at, std::size_t bytes) {
    const KeepErrno keep;
    return mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;
}

void decommit(void* /*context*/, std::byte* at, std::size_t bytes) {
    const KeepErrno keep;
    // Locked memory (mlock(2)) cannot be given back; that it reads as zero is what counts.
    if (madvise(at, bytes, MADV_DONTNEED) != 0) std::memset(at, 0, bytes);
}

bool move(void* /*context*/, std::byte* from, std::byte* to, std::size_t bytes) {
    if (moves.fetch_add(1, std::memory_order_relaxed) >= kMostMoves) return false;
    const KeepErrno keep;
    // In two steps: mremap(2) may unmap a fixed target and then find that the source spans two
    // mappings. Moved out first, to wherever the kernel likes, that is found with nothing changed.
    void* out = mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    if (out == MAP_FAILED) return false;
    void* in = mremap(out, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    EXO_CHECK(in == to, "exo_alloc: the system cannot move pages that it could move before");
    return true;
}

std::uint64_t random_secret() {
    std::uint64_t secret = 0;
    if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) == sizeof secret) return secret;
    // Early in a machine's life, or forbidden: the kernel gave every program 16 random bytes.
    const auto* bytes = reinterpret_cast<const unsigned char*>(getauxval(AT_RANDOM));
    if (bytes != nullptr) std::memcpy(&secret, bytes + 8, sizeof secret);
    return secret ^ (read_tsc() * 0x9e3779b97f4a7c15U);
}

}  // namespace

Result<Source> reserve_mmap_source(std::size_t most) {
    const KeepErrno keep;
    for (std::size_t bytes = align_up<std::size_t>(most, 4096); bytes >= kLeastReserve;
         bytes = align_up<std::size_t>(bytes / 2, 4096)) {
        void* at =
            mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) continue;
        Source source;
        source.base = static_cast<std::byte*>(at);
        source.bytes = bytes;
        source.secret = random_secret();
        source.commit = commit;
        source.decommit = decommit;
        source.move = move;
        source.zeroed = true;
        return source;
    }
    return Errno::NOMEM;
}

void release_mmap_source(const Source& source) {
    munmap(source.base, source.bytes);
}

}  // namespace exo::alloc::host
