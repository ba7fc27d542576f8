// The stress that fragmentation is measured after; run under each allocator in turn by programs.py.
//   alloc_stress small|wide [SECONDS]
// small: sizes uniform from 16 to 1024 bytes, those of the other benchmarks. wide: log-uniform from
// 16 bytes to 32 KiB, so that half of the memory is in the few objects above 16 KiB. Random
// lifetimes: three times the live payload grows to 256 MiB and shrinks to half of it, objects dying
// at random; then it grows again and stays there for as many replacements as there are objects,
// eight times over, or SECONDS of them. Every byte is written, so that what is live is resident.
// Prints the live payload as it was asked for, what is resident beyond what was before the first
// allocation, and the share of it that is not live.
#include <sys/mman.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::size_t kLive = std::size_t{256} << 20;
constexpr unsigned kSlots = 1U << 20;
constexpr unsigned kGenerations = 8;

std::size_t resident_bytes() {
    char text[128] = {};
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) std::abort();
    std::setvbuf(file, nullptr, _IONBF, 0);  // no buffer from malloc
    if (std::fgets(text, sizeof text, file) == nullptr) std::abort();
    std::fclose(file);
    return std::strtoul(std::strchr(text, ' '), nullptr, 10) * 4096;
}

class Random {
  public:
    std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }
    std::size_t small_size() { return 16 + (next() >> 11) % 1009; }
    std::size_t wide_size() {
        const double fraction = static_cast<double>(next() >> 11) / 9007199254740992.0;
        return static_cast<std::size_t>(16.0 * std::exp2(fraction * 11.0));
    }

  private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15U;
};

struct Object {
    void* p;
    std::size_t size;
};

/// The live objects, in memory that is not from malloc.
class Population {
  public:
    explicit Population(bool wide) : wide_(wide) {
        constexpr std::size_t kBytes = kSlots * sizeof(Object);
        void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (at == MAP_FAILED) std::abort();
        objects_ = static_cast<Object*>(at);
    }

    void grow_to(std::size_t bytes) {
        while (live_ < bytes) {
            const std::size_t size = wide_ ? random_.wide_size() : random_.small_size();
            void* p = std::malloc(size);
            if (p == nullptr || count_ == kSlots) std::abort();
            std::memset(p, 0x5a, size);
            objects_[count_++] = {p, size};
            live_ += size;
        }
    }

    void shrink_to(std::size_t bytes) {
        while (live_ > bytes && count_ != 0) {
            Object& object = objects_[random_.next() % count_];
            std::free(object.p);
            live_ -= object.size;
            object = objects_[--count_];
        }
    }

    [[nodiscard]] std::size_t live() const { return live_; }
    [[nodiscard]] unsigned count() const { return count_; }

  private:
    const bool wide_;
    Random random_;
    Object* objects_;
    unsigned count_ = 0;
    std::size_t live_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || (std::strcmp(argv[1], "small") != 0 && std::strcmp(argv[1], "wide") != 0)) {
        std::fprintf(stderr, "usage: %s small|wide [SECONDS]\n", argv[0]);
        return 2;
    }
    const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 0;
    const auto begin = std::chrono::steady_clock::now();
    Population population(std::strcmp(argv[1], "wide") == 0);
    static_cast<void>(resident_bytes());
    const std::size_t before = resident_bytes();
    for (int cycle = 0; cycle < 3; ++cycle) {
        population.grow_to(kLive);
        population.shrink_to(kLive / 2);
    }
    population.grow_to(kLive);
    std::chrono::duration<double> elapsed{};
    do {
        for (unsigned i = kGenerations * population.count(); i != 0; --i) {
            population.shrink_to(kLive - 1);
            population.grow_to(kLive);
        }
        elapsed = std::chrono::steady_clock::now() - begin;
    } while (elapsed.count() < seconds);
    const std::size_t held = resident_bytes() - before;
    std::printf("{\"live\":%zu,\"held\":%zu,\"fragmentation\":%.5f,\"seconds\":%.3f}\n",
                population.live(), held,
                1 - static_cast<double>(population.live()) / static_cast<double>(held),
                elapsed.count());
    return 0;
}
