// Sequences of heap operations from bytes, against a shadow model: no object overlaps another, lies
// where it should not, or loses its contents; and in the end everything is free.
#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "lib/alloc/heap.h"
#include "lib/alloc/test_source.h"

namespace exo::alloc {
namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
    [[nodiscard]] bool empty() const { return at_ == end_; }
    std::uint8_t byte() { return empty() ? std::uint8_t{0} : *at_++; }

    /// Mostly small, sometimes around a class's edge, sometimes large or absurd.
    std::size_t size() {
        const std::uint8_t kind = byte();
        const std::size_t low = byte();
        if (kind < 128) return low * 4;
        if (kind < 200) return (std::size_t{kind} - 127) * low * 2;
        if (kind < 240) return kClasses[1 + low % kClassCount].size + kind % 3 - 1;
        if (kind < 254) return low * 8192;
        return ~std::size_t{0} - low;
    }

  private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

class Model {
  public:
    Model() : source_(std::size_t{64} << 20), heap_(**Heap::create(source_.source())) {
        for (Cache*& cache : caches_) cache = *heap_.create_cache();
    }

    void step(Input& input) {
        const std::uint8_t operation = input.byte();
        Cache& cache = *caches_[operation >> 7];
        switch (operation % 8) {
            case 0:
            case 1: {
                const std::size_t size = input.size();
                add(heap_.allocate(cache, size), size, 16);
                break;
            }
            case 2: {
                const std::size_t size = input.size();
                void* p = heap_.allocate_zeroed(cache, size);
                for (std::size_t i = 0; p != nullptr && i < size; ++i) {
                    require(static_cast<unsigned char*>(p)[i] == 0);
                }
                add(p, size, 16);
                break;
            }
            case 3: {
                const std::size_t alignment = std::size_t{1} << (input.byte() % 24);
                const std::size_t size = input.size();
                add(heap_.allocate_aligned(cache, size, alignment).value_or(nullptr), size,
                    alignment);
                break;
            }
            case 4:
            case 5:
                remove(cache, input.byte());
                break;
            case 6:
                resize(cache, input);
                break;
            default:
                if (input.byte() < 32) heap_.trim(&cache, 0);
        }
    }

    void finish() {
        while (!objects_.empty()) remove(*caches_[0], 0);
        for (Cache* cache : caches_) heap_.destroy_cache(*cache);
        heap_.trim(nullptr, 0);
        const HeapStats stats = heap_.stats();
        require(stats.live_bytes == 0 && stats.cached_bytes == 0 && stats.run_bytes == 0);
    }

  private:
    struct Object {
        std::size_t size;
        unsigned char fill;
    };
    using Objects = std::map<unsigned char*, Object>;

    void add(void* p, std::size_t size, std::size_t alignment) {
        if (p == nullptr) return;
        auto* at = static_cast<unsigned char*>(p);
        require(reinterpret_cast<std::uintptr_t>(p) % alignment == 0 &&
                heap_.usable_size(p) >= size);
        const auto next = objects_.lower_bound(at);
        const std::size_t room = heap_.usable_size(p);
        require(next == objects_.end() || at + room <= next->first);
        if (next != objects_.begin()) {
            const auto& [before, object] = *std::prev(next);
            require(before + heap_.usable_size(before) <= at);
        }
        const auto fill = static_cast<unsigned char>(++fills_);
        std::memset(p, fill, size);
        objects_[at] = {size, fill};
    }

    void check(const unsigned char* at, const Object& object, std::size_t bytes) const {
        for (std::size_t i = 0; i < bytes; ++i) require(at[i] == object.fill);
    }

    Objects::iterator pick(std::uint8_t which) {
        auto it = objects_.begin();
        std::advance(it, which % objects_.size());
        return it;
    }

    void remove(Cache& cache, std::uint8_t which) {
        if (objects_.empty()) return;
        const auto it = pick(which);
        check(it->first, it->second, it->second.size);
        heap_.free(cache, it->first);
        objects_.erase(it);
    }

    void resize(Cache& cache, Input& input) {
        if (objects_.empty()) return;
        const auto it = pick(input.byte());
        const std::size_t size = input.size();
        void* p = heap_.reallocate(cache, it->first, size);
        if (p == nullptr) {
            check(it->first, it->second, it->second.size);
            return;
        }
        check(static_cast<unsigned char*>(p), it->second, std::min(size, it->second.size));
        objects_.erase(it);
        add(p, size, 16);
    }

    TestSource source_;
    Heap& heap_;
    std::array<Cache*, 2> caches_{};
    Objects objects_;
    unsigned fills_ = 0;
};

}  // namespace
}  // namespace exo::alloc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    exo::alloc::Input input(data, size);
    exo::alloc::Model model;
    while (!input.empty()) model.step(input);
    model.finish();
    return 0;
}
