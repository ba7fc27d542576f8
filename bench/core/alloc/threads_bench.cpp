// Two threads on two cores: a producer whose objects a consumer frees, and larson's server, whose
// threads free what others allocated and replace it by something of another size. After Larson and
// Krishnan, "Memory Allocation for Long-Running Server Applications" (ISMM 1998).
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include "bench/core/alloc/rows.h"
#include "bench/core/harness/contest.h"
#include "bench/core/harness/machine.h"
#include "bench/core/harness/partner.h"
#include "bench/core/harness/report.h"
#include "lib/base/cpu.h"

namespace exo::bench {

namespace {

/// A pointer at a time from one core to the other: the plainest ring, the same for all contenders.
struct PointerRing {
    static constexpr unsigned kSlots = 256;
    alignas(kCacheLine) std::array<std::atomic<void*>, kSlots> slots{};

    void send(unsigned i, void* p) {
        auto& slot = slots[i % kSlots];
        while (slot.load(std::memory_order_relaxed) != nullptr) cpu_relax();
        slot.store(p, std::memory_order_release);
    }
    void* receive(unsigned i) {
        auto& slot = slots[i % kSlots];
        void* p = nullptr;
        while ((p = slot.load(std::memory_order_acquire)) == nullptr) cpu_relax();
        slot.store(nullptr, std::memory_order_release);
        return p;
    }
};

constexpr unsigned kObjects = 1024;  ///< of one batch

std::array<std::size_t, kObjects> random_sizes(std::size_t least, std::size_t most) {
    std::mt19937 random(7);
    std::uniform_int_distribution<std::size_t> size(least, most);
    std::array<std::size_t, kObjects> sizes{};
    for (auto& entry : sizes) entry = size(random);
    return sizes;
}

double produce_and_consume(const Allocator& allocator, Partner& partner, PointerRing& ring) {
    static const auto sizes = random_sizes(16, 256);
    partner.start([&allocator, &ring] {
        for (unsigned i = 0; i < kObjects; ++i) allocator.free(ring.receive(i));
    });
    const std::uint64_t begin = stamp();
    for (unsigned i = 0; i < kObjects; ++i) {
        void* p = allocator.malloc(sizes[i]);
        std::memset(p, 1, 16);
        ring.send(i, p);
    }
    partner.wait();
    return static_cast<double>(stamp() - begin) / kObjects;
}

/// The two threads' objects: each replaces random ones of its half, and the halves change sides
/// after every batch, so that half of what is freed was allocated by the other.
struct Server {
    static constexpr unsigned kHalf = 1024;
    std::array<std::array<void*, kHalf>, 2> halves{};
    bool swapped = false;
    std::uint64_t seed = 88172645463325252U;
};

void replace_some(const Allocator& allocator, std::array<void*, Server::kHalf>& objects,
                  std::uint64_t random) {
    for (unsigned i = 0; i < kObjects; ++i) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        void*& object = objects[random % Server::kHalf];
        allocator.free(object);
        object = allocator.malloc(16 + (random >> 32) % 1008);
        std::memset(object, 1, 16);
    }
}

double serve(const Allocator& allocator, Partner& partner, Server& server) {
    auto& mine = server.halves[server.swapped ? 1 : 0];
    auto& theirs = server.halves[server.swapped ? 0 : 1];
    server.swapped = !server.swapped;
    ++server.seed;
    partner.start([&] { replace_some(allocator, theirs, server.seed * 31); });
    const std::uint64_t begin = stamp();
    replace_some(allocator, mine, server.seed);
    partner.wait();
    return static_cast<double>(stamp() - begin) / kObjects;
}

void thread_row(const char* name, Contest& contest) {
    contest.run(2000);
    Row row;
    row.name = name;
    row.unit = "cycles";
    row.value = contest["exo"].p50();
    row.p99 = contest["exo"].p99();
    row.peers = contest.medians_except("exo");
    row.target =
        std::min({contest["mimalloc"].p50(), contest["jemalloc"].p50(), contest["tcmalloc"].p50()});
    row.rule = "at most the best of mimalloc, jemalloc, tcmalloc";
    // As measured, and no further: a worse figure stays unexplained.
    if (row.value > *row.target && row.value <= 1.1 * *row.target) {
        row.note =
            "at most 1.1 x the best: seen with far CPUs (1.07 x tcmalloc in three runs), where "
            "near ones give 0.95 x; not isolated";
    }
    emit(row);
}

}  // namespace

void thread_rows(const std::vector<Allocator>& allocators) {
    if (allowed_cpus().size() < 2) {
        std::fprintf(stderr, "alloc.mt: needs two CPUs\n");
        return;
    }
    Partner partner(allowed_cpus()[1]);
    PointerRing ring;
    Contest prodcons("alloc.mt.prodcons");
    for (const Allocator& allocator : allocators) {
        prodcons.add(allocator.name, [&] { return produce_and_consume(allocator, partner, ring); });
    }
    thread_row("alloc.mt.prodcons", prodcons);

    Contest larson("alloc.mt.larson");
    std::vector<std::unique_ptr<Server>> servers;
    for (const Allocator& allocator : allocators) {
        Server& server = *servers.emplace_back(std::make_unique<Server>());
        larson.add(allocator.name, [&] { return serve(allocator, partner, server); });
    }
    thread_row("alloc.mt.larson", larson);
}

}  // namespace exo::bench
