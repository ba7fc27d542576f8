#include "lib/alloc/heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "lib/alloc/host/mmap_source.h"
#include "lib/alloc/test_source.h"

namespace exo::alloc {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class HeapTest : public testing::Test {
  protected:
    void start(std::size_t bytes, std::size_t budget = ~std::size_t{0}) {
        source_ = std::make_unique<TestSource>(bytes, budget);
        const auto heap = Heap::create(source_->source());
        ASSERT_TRUE(heap);
        heap_ = *heap;
        cache_ = *heap_->create_cache();
    }
    void SetUp() override { start(256 * kMiB); }

    void* allocate(std::size_t size) { return heap_->allocate(*cache_, size); }
    void free(void* p) { heap_->free(*cache_, p); }

    std::unique_ptr<TestSource> source_;
    Heap* heap_ = nullptr;
    Cache* cache_ = nullptr;
};

using HeapDeathTest = HeapTest;

bool all_bytes(const void* p, std::size_t size, unsigned char value) {
    const auto* bytes = static_cast<const unsigned char*>(p);
    return std::all_of(bytes, bytes + size, [value](unsigned char byte) { return byte == value; });
}

TEST_F(HeapTest, every_size_is_usable_aligned_and_apart) {
    std::vector<std::pair<unsigned char*, std::size_t>> objects;
    for (std::size_t size = 0; size < 70000; size += size < 2100 ? 1 : 487) {
        auto* p = static_cast<unsigned char*>(allocate(size));
        ASSERT_NE(p, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 16, 0U);
        EXPECT_GE(heap_->usable_size(p), std::max<std::size_t>(size, 1));
        std::memset(p, static_cast<int>(size % 251), size);
        objects.emplace_back(p, size);
    }
    for (const auto& [p, size] : objects) {
        ASSERT_TRUE(all_bytes(p, size, static_cast<unsigned char>(size % 251))) << size;
        free(p);
    }
    EXPECT_EQ(heap_->stats().live_bytes, 0U);
}

TEST_F(HeapTest, rounding_wastes_at_most_a_sixteenth_or_15_bytes) {
    for (std::size_t size = 1; size <= kSlabMax; ++size) {
        const std::size_t waste = kClasses[class_of(size)].size - size;
        ASSERT_LE(waste, std::max<std::size_t>(15, size / 16)) << size;
    }
}

TEST_F(HeapTest, size_zero_is_an_object_of_its_own) {
    void* a = allocate(0);
    void* b = allocate(0);
    EXPECT_NE(a, nullptr);
    EXPECT_NE(a, b);
    free(a);
    free(b);
}

TEST_F(HeapTest, what_is_freed_is_used_again) {
    void* p = allocate(48);
    free(p);
    EXPECT_EQ(allocate(48), p);
}

TEST_F(HeapTest, zeroed_memory_is_zero_even_when_reused) {
    for (const std::size_t size : {16UL, 100UL, 5000UL, 40000UL, 3 * kMiB, 9 * kMiB}) {
        for (int round = 0; round < 3; ++round) {
            void* p = heap_->allocate_zeroed(*cache_, size);
            ASSERT_NE(p, nullptr);
            ASSERT_TRUE(all_bytes(p, size, 0)) << size;
            std::memset(p, 0xee, size);
            free(p);
        }
    }
}

TEST_F(HeapTest, alignments) {
    for (std::size_t alignment = 1; alignment <= 16 * kMiB; alignment *= 2) {
        for (const std::size_t size : {0UL, 1UL, 24UL, 1000UL, 5000UL, 100000UL}) {
            const auto p = heap_->allocate_aligned(*cache_, size, alignment);
            ASSERT_TRUE(p) << alignment << " " << size;
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(*p) % alignment, 0U);
            std::memset(*p, 1, size);
            free(*p);
        }
    }
    EXPECT_EQ(heap_->allocate_aligned(*cache_, 16, 48).error(), Errno::INVAL);
    EXPECT_EQ(heap_->allocate_aligned(*cache_, 16, 0).error(), Errno::INVAL);
    EXPECT_EQ(heap_->allocate_aligned(*cache_, 16, std::size_t{1} << 62).error(), Errno::NOMEM);
    EXPECT_EQ(heap_->allocate_aligned(*cache_, ~std::size_t{0}, 64).error(), Errno::NOMEM);
    EXPECT_EQ(heap_->stats().live_bytes, 0U);
}

TEST_F(HeapTest, absurd_sizes_fail) {
    for (const std::size_t size : {256 * kMiB, ~std::size_t{0}, ~std::size_t{0} - 4096,
                                   std::size_t{1} << 63, std::size_t{1} << 44}) {
        EXPECT_EQ(allocate(size), nullptr);
        EXPECT_EQ(heap_->allocate_zeroed(*cache_, size), nullptr);
        EXPECT_EQ(heap_->allocate_uncached(size), nullptr);
        void* p = allocate(100);
        EXPECT_EQ(heap_->reallocate(*cache_, p, size), nullptr);
        free(p);
        p = allocate(100000);
        EXPECT_EQ(heap_->reallocate(*cache_, p, size), nullptr);
        free(p);
    }
}

TEST_F(HeapTest, realloc_keeps_contents_and_stays_where_it_can) {
    auto* p = static_cast<unsigned char*>(allocate(100));
    std::memset(p, 7, 100);
    EXPECT_EQ(heap_->reallocate(*cache_, p, 112), p) << "the class has room";
    EXPECT_EQ(heap_->reallocate(*cache_, p, 60), p);
    auto* q = static_cast<unsigned char*>(heap_->reallocate(*cache_, p, 20000));
    ASSERT_NE(q, p);
    EXPECT_TRUE(all_bytes(q, 60, 7));
    std::memset(q, 8, 20000);
    auto* run = static_cast<unsigned char*>(heap_->reallocate(*cache_, q, 200000));
    EXPECT_TRUE(all_bytes(run, 20000, 8));
    std::memset(run, 9, 200000);
    EXPECT_EQ(heap_->reallocate(*cache_, run, 100000), run) << "shrinks in place";
    EXPECT_EQ(heap_->reallocate(*cache_, run, 900000), run) << "grows over free pages";
    EXPECT_TRUE(all_bytes(run, 100000, 9));
    auto* small = static_cast<unsigned char*>(heap_->reallocate(*cache_, run, 500));
    EXPECT_TRUE(all_bytes(small, 500, 9));
    EXPECT_EQ(heap_->usable_size(small), 512U);
    free(small);
    EXPECT_EQ(heap_->stats().live_bytes, 0U);
}

TEST_F(HeapTest, realloc_moves_what_cannot_grow) {
    auto* p = static_cast<unsigned char*>(allocate(2 * kMiB));
    void* wall = allocate(2 * kMiB);
    std::memset(p, 5, 2 * kMiB);
    auto* low = std::min<void*>(p, wall) == p ? p : static_cast<unsigned char*>(wall);
    std::memset(low, 5, 2 * kMiB);
    auto* q = static_cast<unsigned char*>(heap_->reallocate(*cache_, low, 5 * kMiB));
    ASSERT_NE(q, nullptr);
    EXPECT_TRUE(all_bytes(q, 2 * kMiB, 5));
}

TEST_F(HeapTest, exhaustion_ends_in_nullptr_and_is_not_for_ever) {
    start(64 * kMiB, 12 * kMiB);
    std::vector<void*> objects;
    while (void* p = allocate(1000)) objects.push_back(p);
    EXPECT_GT(objects.size(), 4000U);
    EXPECT_EQ(allocate(100000), nullptr);
    for (void* p : objects) free(p);
    heap_->trim(cache_, 0);
    EXPECT_NE(allocate(1000), nullptr);
    EXPECT_NE(allocate(100000), nullptr) << "pages of one class serve any other use";
}

TEST_F(HeapTest, a_source_too_small_or_without_memory_is_refused) {
    TestSource tiny(64 * 1024);
    EXPECT_EQ(Heap::create(tiny.source()).error(), Errno::INVAL);
    TestSource poor(64 * kMiB, 4096);
    EXPECT_EQ(Heap::create(poor.source()).error(), Errno::NOMEM);
    Source crooked = source_->source();
    ++crooked.base;
    EXPECT_EQ(Heap::create(crooked).error(), Errno::INVAL);
}

TEST_F(HeapTest, empty_slabs_return_to_the_source) {
    std::vector<void*> objects(100000);
    for (void*& p : objects) p = allocate(300);
    const std::size_t peak = heap_->stats().held_bytes();
    for (void* p : objects) free(p);
    EXPECT_LT(heap_->stats().held_bytes(), peak / 4);
    EXPECT_GT(source_->decommitted(), 16 * kMiB);
}

TEST_F(HeapTest, objects_freed_elsewhere_come_back_by_whole_magazines) {
    Cache* other = *heap_->create_cache();
    const unsigned magazine = kClasses[class_of(64)].magazine;
    std::vector<void*> objects(magazine * 4);
    for (void*& p : objects) p = allocate(64);
    for (void* p : objects) heap_->free(*other, p);
    EXPECT_GE(heap_->depot(class_of(64)).full_count(), 1U);
    const std::set<void*> freed(objects.begin(), objects.end());
    std::set<void*> again;
    for (unsigned i = 0; i < magazine * 6; ++i) again.insert(allocate(64));
    EXPECT_TRUE(
        std::any_of(again.begin(), again.end(), [&](void* p) { return freed.contains(p); }));
    EXPECT_EQ(again.size(), magazine * 6) << "never one object twice";
}

TEST_F(HeapTest, a_destroyed_cache_returns_everything) {
    Cache* other = *heap_->create_cache();
    std::vector<void*> objects;
    for (std::size_t size = 1; size < 40000; size += 333) {
        for (int i = 0; i < 40; ++i) objects.push_back(heap_->allocate(*other, size));
    }
    for (void* p : objects) heap_->free(*other, p);
    const std::uint64_t hits = heap_->stats().thread_hits;
    heap_->destroy_cache(*other);
    heap_->trim(cache_, 0);
    const HeapStats stats = heap_->stats();
    EXPECT_EQ(stats.live_bytes, 0U);
    EXPECT_EQ(stats.cached_bytes, 0U);
    EXPECT_EQ(stats.run_bytes, 0U);
    EXPECT_EQ(stats.thread_hits, hits) << "its counters stay";
}

TEST_F(HeapTest, the_fullest_slab_serves_first) {
    const ClassId id = class_of(1024);
    const unsigned per_slab = kClasses[id].objects;
    std::vector<void*> objects(per_slab * 3);
    ASSERT_EQ(heap_->slabs(id).allocate(heap_->backing(), objects.data(), 1).count, 1U);
    for (std::size_t i = 1; i < objects.size(); ++i) {
        ASSERT_EQ(heap_->slabs(id).allocate(heap_->backing(), &objects[i], 1).count, 1U);
    }
    // The first slab loses most, the second one object: the next comes from the second.
    heap_->slabs(id).free(heap_->backing(), objects.data(), per_slab - 1);
    void* hole = objects[per_slab + 3];
    heap_->slabs(id).free(heap_->backing(), &hole, 1);
    void* p = nullptr;
    ASSERT_EQ(heap_->slabs(id).allocate(heap_->backing(), &p, 1).count, 1U);
    EXPECT_EQ(p, hole);
}

TEST_F(HeapTest, uncached_calls_serve_every_size) {
    for (const std::size_t size : {0UL, 1UL, 700UL, 30000UL, 100000UL}) {
        void* p = heap_->allocate_uncached(size);
        ASSERT_NE(p, nullptr);
        std::memset(p, 1, size);
        heap_->free_uncached(p);
    }
    heap_->free_uncached(nullptr);
    EXPECT_EQ(heap_->stats().live_bytes, 0U);
}

TEST_F(HeapTest, works_on_kernel_memory) {
    TestSource memory(16 * kMiB);
    memory.make_like_kernel_memory();
    Heap* heap = *Heap::create(memory.source());
    Cache* cache = *heap->create_cache();
    std::vector<void*> objects;
    while (void* p = heap->allocate_zeroed(*cache, 2000 + objects.size() % 50000)) {
        ASSERT_TRUE(all_bytes(p, 2000, 0));
        objects.push_back(p);
    }
    EXPECT_GT(objects.size(), 500U);
    for (void* p : objects) heap->free(*cache, p);
    EXPECT_EQ(heap->stats().live_bytes, 0U);
    heap->trim(cache, 0);
    EXPECT_NE(heap->allocate(*cache, 8 * kMiB), nullptr);
}

TEST_F(HeapTest, memory_with_holes_is_used_where_it_is) {
    TestSource memory(16 * kMiB);
    memory.make_like_kernel_memory();
    const std::size_t record_bytes = Heap::record_bytes(16 * kMiB);
    Source source = memory.source();
    source.records = source.base + 6 * kMiB;
    ASSERT_LT(record_bytes, kMiB);
    Heap* heap = *Heap::create(source);
    EXPECT_EQ(heap->allocate_uncached(16), nullptr) << "nothing was added yet";
    EXPECT_FALSE(heap->create_cache());

    struct Range {
        std::byte* begin;
        std::byte* end;
    };
    const Range ranges[] = {{source.base + kMiB, source.base + 5 * kMiB},
                            {source.base + 9 * kMiB + 3 * kPageBytes, source.base + 12 * kMiB}};
    const auto inside = [&](void* p, std::size_t size) {
        auto* at = static_cast<std::byte*>(p);
        return std::any_of(std::begin(ranges), std::end(ranges), [&](const Range& range) {
            return at >= range.begin && at + size <= range.end;
        });
    };
    for (const Range& range : ranges) {
        heap->add(range.begin, static_cast<std::size_t>(range.end - range.begin));
    }
    Cache* cache = *heap->create_cache();
    for (int round = 0; round < 2; ++round) {
        std::vector<void*> objects;
        std::size_t bytes = 0;
        for (std::size_t size = 128 * 1024;; size = size == 200 ? 128 * 1024 : 200) {
            void* p = heap->allocate(*cache, size);
            if (p == nullptr) break;
            ASSERT_TRUE(inside(p, size));
            std::memset(p, 0x5a, size);
            bytes += size;
            objects.push_back(p);
        }
        EXPECT_GT(bytes, 6 * kMiB);
        while (void* p = heap->allocate(*cache, 16)) objects.push_back(p);
        for (void* p : objects) heap->free(*cache, p);
        EXPECT_EQ(heap->stats().live_bytes, 0U);
        heap->trim(cache, 0);
    }
    void* run = heap->allocate(*cache, kMiB);
    EXPECT_TRUE(inside(run, kMiB));
}

TEST_F(HeapTest, a_source_with_holes_commits_nothing) {
    TestSource memory(16 * kMiB);
    Source source = memory.source();
    source.records = source.base;
    EXPECT_EQ(Heap::create(source).error(), Errno::INVAL);
}

TEST_F(HeapTest, statistics_add_up) {
    for (int i = 0; i < 1000; ++i) free(allocate(100));
    void* run = allocate(100000);
    const HeapStats stats = heap_->stats();
    EXPECT_EQ(stats.thread_hits + stats.slab_hits + stats.buddy_calls, 1001U);
    EXPECT_EQ(stats.buddy_calls, 2U) << "one slab, one run";
    EXPECT_EQ(stats.live_bytes, 25 * kPageBytes);
    EXPECT_GE(stats.held_bytes(), stats.live_bytes + stats.cached_bytes);
    free(run);
}

TEST(MmapSource, moves_huge_runs_by_page_table) {
    const auto source = host::reserve_mmap_source(std::size_t{1} << 32);
    ASSERT_TRUE(source);
    Heap* heap = *Heap::create(*source);
    Cache* cache = *heap->create_cache();
    auto* p = static_cast<unsigned char*>(heap->allocate(*cache, 4 * kMiB));
    std::vector<void*> walls;
    for (std::size_t i = 0; i < 4 * kMiB; i += 4096) p[i] = static_cast<unsigned char>(i >> 12);
    for (std::size_t size = 8 * kMiB; size <= 64 * kMiB; size *= 2) {
        walls.push_back(heap->allocate(*cache, 4096 * 16));
        auto* q = static_cast<unsigned char*>(heap->reallocate(*cache, p, size));
        ASSERT_NE(q, nullptr);
        for (std::size_t i = 0; i < 4 * kMiB; i += 4096) {
            ASSERT_EQ(q[i], static_cast<unsigned char>(i >> 12));
        }
        q[size - 1] = 1;
        p = q;
    }
    // The places left behind read as zero.
    void* zero = heap->allocate_zeroed(*cache, 4 * kMiB);
    EXPECT_TRUE(all_bytes(zero, 4 * kMiB, 0));
    host::release_mmap_source(*source);
}

TEST_F(HeapDeathTest, double_free) {
    void* p = allocate(48);
    free(p);
    EXPECT_DEATH(free(p), "exo_alloc: double free of 0x[0-9a-f]+ \\(48-byte class\\)");
}

TEST_F(HeapDeathTest, double_free_with_others_between) {
    std::vector<void*> objects(1000);
    for (void*& p : objects) p = allocate(200);
    for (void* p : objects) free(p);
    EXPECT_DEATH(free(objects[0]), "exo_alloc: (double|invalid) free");
    EXPECT_DEATH(free(objects[999]), "exo_alloc: double free");
}

TEST_F(HeapDeathTest, double_free_through_another_cache) {
    Cache* other = *heap_->create_cache();
    void* p = allocate(64);
    heap_->free(*other, p);
    EXPECT_DEATH(free(p), "double free");
    EXPECT_DEATH(heap_->free_uncached(p), "double free");
}

TEST_F(HeapDeathTest, double_free_after_the_mark_was_overwritten) {
    void* p = allocate(64);
    free(p);
    std::memset(p, 0, 64);  // use after free
    free(p);
    EXPECT_DEATH(heap_->trim(cache_, 0), "double free");
}

TEST_F(HeapDeathTest, double_free_of_a_run) {
    void* p = allocate(100000);
    free(p);
    EXPECT_DEATH(free(p), "exo_alloc: invalid free of 0x");
}

TEST_F(HeapDeathTest, invalid_pointers) {
    int local = 0;
    EXPECT_DEATH(free(&local), "exo_alloc: pointer that is not from this heap: 0x");
    auto* p = static_cast<std::byte*>(allocate(64));
    EXPECT_DEATH(free(p + 8), "invalid free of an address inside an object");
    auto* run = static_cast<std::byte*>(allocate(100000));
    EXPECT_DEATH(free(run + 16), "invalid free of an address inside a page run");
    EXPECT_DEATH(free(run + 8192), "exo_alloc: invalid free of");
    EXPECT_DEATH(free(source_->source().base), "not from this heap");
    EXPECT_DEATH((void)heap_->usable_size(&local), "not from this heap");
    EXPECT_DEATH((void)heap_->reallocate(*cache_, run + 4096, 8), "invalid realloc");
}

TEST_F(HeapDeathTest, an_address_inside_an_object_is_found_when_the_magazine_is_flushed) {
    auto* p = static_cast<std::byte*>(allocate(256));
    free(p + 32);
    EXPECT_DEATH(heap_->trim(cache_, 0), "invalid free of an address inside an object");
}

TEST_F(HeapDeathTest, realloc_after_free) {
    void* p = allocate(64);
    free(p);
    EXPECT_DEATH((void)heap_->reallocate(*cache_, p, 60), "realloc after free of");
}

TEST_F(HeapDeathTest, sized_free_checks_the_size) {
    void* p = allocate(64);
    EXPECT_DEATH(heap_->free_sized(*cache_, p, 65), "free with a wrong size");
    heap_->free_sized(*cache_, p, 50);
    void* run = allocate(100000);
    EXPECT_DEATH(heap_->free_sized(*cache_, run, 64), "free with a wrong size");
    heap_->free_sized(*cache_, run, 100000);
}

}  // namespace
}  // namespace exo::alloc
