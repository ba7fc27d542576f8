// What one allocation costs at each level, single-threaded: the thread cache (through malloc,
// beside the peers, and through the kernel's inline interface), the slab level, the buddy level.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "bench/core/alloc/peers.h"
#include "bench/core/alloc/rows.h"
#include "bench/core/harness/contest.h"
#include "bench/core/harness/machine.h"
#include "bench/core/harness/report.h"
#include "lib/alloc/heap.h"
#include "lib/alloc/host/mmap_source.h"

namespace exo::bench {

namespace {

using alloc::Cache;
using alloc::Heap;

constexpr unsigned kPairs = 2048;  ///< of one batch: 10 to 50 us

/// Sizes 16 to 1024, uniformly, the same for all contenders.
const std::array<std::size_t, kPairs>& sizes() {
    static const auto drawn = [] {
        std::mt19937 random(42);
        std::uniform_int_distribution<std::size_t> size(16, 1024);
        std::array<std::size_t, kPairs> entries{};
        for (auto& entry : entries) entry = size(random);
        return entries;
    }();
    return drawn;
}

double per_operation(std::uint64_t begin, std::uint64_t end, unsigned operations) {
    return static_cast<double>(end - begin) / operations;
}

double malloc_pairs(const Allocator& allocator) {
    const std::uint64_t begin = stamp();
    for (const std::size_t size : sizes()) {
        void* p = allocator.malloc(size);
        keep(p);
        allocator.free(p);
    }
    return per_operation(begin, stamp(), kPairs);
}

double no_pairs() {
    const std::uint64_t begin = stamp();
    for (const std::size_t size : sizes()) keep(size);
    return per_operation(begin, stamp(), kPairs);
}

void pair_row(const std::vector<Allocator>& allocators) {
    Contest contest("alloc.cache.pair");
    for (const Allocator& allocator : allocators) {
        contest.add(allocator.name, [&allocator] { return malloc_pairs(allocator); });
    }
    contest.run(2000);
    Row row;
    row.name = "alloc.cache.pair";
    row.unit = "cycles";
    row.value = contest["exo"].p50();
    row.p99 = contest["exo"].p99();
    row.peers = contest.medians_except("exo");
    row.target = contest["mimalloc"].p50();
    row.rule = "at most mimalloc's; aim: half of glibc's";
    emit(row);
}

/// Allocations alone, by the inline interface: as many as are in a loaded magazine, freed untimed.
double cache_allocations(Heap& heap, Cache& cache) {
    constexpr std::size_t kBytes = 64;
    constexpr unsigned kCount = 32;  // what the magazine and its spare surely hold
    static std::array<void*, kCount> objects;
    std::uint64_t cycles = 0;
    constexpr unsigned kRepeats = 64;
    for (unsigned repeat = 0; repeat < kRepeats; ++repeat) {
        const std::uint64_t begin = stamp();
        for (void*& object : objects) object = heap.allocate(cache, kBytes);
        cycles += stamp() - begin;
        for (void* object : objects) heap.free(cache, object);
    }
    return static_cast<double>(cycles) / (kCount * kRepeats);
}

/// What stamp() itself adds to cache_allocations.
double stamps_alone() {
    std::uint64_t cycles = 0;
    for (unsigned repeat = 0; repeat < 64; ++repeat) {
        const std::uint64_t begin = stamp();
        cycles += stamp() - begin;
    }
    return static_cast<double>(cycles) / 64;
}

double slab_allocations(Heap& heap) {
    constexpr unsigned kCount = 256;
    static std::array<void*, kCount> objects;
    auto& slabs = heap.slabs(alloc::class_of(64));
    const std::uint64_t begin = stamp();
    for (void*& object : objects) {
        if (slabs.allocate(heap.backing(), &object, 1).count != 1) std::abort();
    }
    const double cycles = per_operation(begin, stamp(), kCount);
    slabs.free(heap.backing(), objects.data(), kCount);
    return cycles;
}

double buddy_allocations(Heap& heap) {
    constexpr unsigned kCount = 64;
    static std::array<alloc::PageIndex, kCount> runs;
    const std::uint64_t begin = stamp();
    for (unsigned i = 0; i < kCount; ++i) {
        const auto run = heap.buddy().allocate(1 + i % 16);
        if (!run) std::abort();
        runs[i] = run->page;
    }
    const double cycles = per_operation(begin, stamp(), kCount);
    for (unsigned i = 0; i < kCount; ++i) heap.buddy().free(runs[i], 1 + i % 16);
    return cycles;
}

void level_row(const char* name, double target, const char* rule, const Contest::Batch& batch) {
    Contest contest(name);
    contest.add("exo", batch);
    contest.run(2000);
    emit({.name = name,
          .unit = "cycles",
          .value = contest["exo"].p50(),
          .p99 = contest["exo"].p99(),
          .target = target,
          .rule = rule,
          .peers = {},
          .note = {}});
}

}  // namespace

void level_rows(const std::vector<Allocator>& allocators) {
    pair_row(allocators);
    const auto source = alloc::host::reserve_mmap_source(std::size_t{1} << 32);
    if (!source) std::abort();
    Heap& heap = **Heap::create(*source);
    Cache& cache = **heap.create_cache();
    level_row("alloc.cache.alloc", 10, "< 10 cycles, stamps included",
              [&] { return cache_allocations(heap, cache); });
    level_row("alloc.slab", 50, "< 50 cycles", [&] { return slab_allocations(heap); });
    level_row("alloc.buddy", 200, "< 200 cycles", [&] { return buddy_allocations(heap); });
    std::fprintf(stderr, "stamps alone %.1f, loop alone %.2f cycles\n", stamps_alone(), no_pairs());
}

}  // namespace exo::bench
