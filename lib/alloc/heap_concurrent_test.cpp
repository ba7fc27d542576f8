// Threads on one heap: each with a cache, objects crossing between them, caches that come and go.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "lib/alloc/heap.h"
#include "lib/alloc/test_source.h"

namespace exo::alloc {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// An object's first word is its size, its last byte a check of it.
void sign(void* p, std::size_t size) {
    std::memcpy(p, &size, sizeof size);
    static_cast<unsigned char*>(p)[size - 1] = static_cast<unsigned char>(size * 31);
}
bool signed_well(const void* p) {
    std::size_t size;
    std::memcpy(&size, p, sizeof size);
    return static_cast<const unsigned char*>(p)[size - 1] == static_cast<unsigned char>(size * 31);
}

std::size_t random_size(std::mt19937& random) {
    switch (random() % 16) {
        case 0:
            return 16 + random() % 200000;
        case 1:
            return 16 + random() % 20000;
        default:
            return 16 + random() % 500;
    }
}

class SharedHeap : public testing::Test {
  protected:
    SharedHeap() : source_(1024 * kMiB), heap_(**Heap::create(source_.source())) {}

    void expect_all_free() {
        heap_.trim(nullptr, 0);
        const HeapStats stats = heap_.stats();
        EXPECT_EQ(stats.live_bytes, 0U);
        EXPECT_EQ(stats.cached_bytes, 0U);
        EXPECT_EQ(heap_.buddy().usage().dirty_pages, 0U);
    }

    TestSource source_;
    Heap& heap_;
};

TEST_F(SharedHeap, objects_cross_between_threads) {
    constexpr int kSteps = 30000;
    static std::array<std::atomic<void*>, 256> slots{};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (unsigned seed = 0; seed < 4; ++seed) {
        threads.emplace_back([this, seed] {
            Cache* cache = *heap_.create_cache();
            std::mt19937 random(seed);
            for (int step = 0; step < kSteps; ++step) {
                const std::size_t size = random_size(random);
                void* p = heap_.allocate(*cache, size);
                ASSERT_NE(p, nullptr);
                sign(p, size);
                void* old = slots[random() % slots.size()].exchange(p, std::memory_order_acq_rel);
                if (old == nullptr) continue;
                ASSERT_TRUE(signed_well(old));
                heap_.free(*cache, old);
            }
            heap_.destroy_cache(*cache);
        });
    }
    for (auto& thread : threads) thread.join();
    for (auto& slot : slots) {
        if (void* p = slot.exchange(nullptr)) heap_.free_uncached(p);
    }
    expect_all_free();
}

TEST_F(SharedHeap, one_allocates_the_other_frees) {
    constexpr unsigned kSlots = 512;
    static std::array<std::atomic<void*>, kSlots> ring{};
    constexpr unsigned kObjects = 100000;
    std::thread consumer([this] {
        Cache* cache = *heap_.create_cache();
        for (unsigned i = 0; i < kObjects; ++i) {
            void* p = nullptr;
            while ((p = ring[i % kSlots].exchange(nullptr, std::memory_order_acquire)) == nullptr) {
                std::this_thread::yield();
            }
            ASSERT_TRUE(signed_well(p));
            heap_.free(*cache, p);
        }
        heap_.destroy_cache(*cache);
    });
    Cache* cache = *heap_.create_cache();
    for (unsigned i = 0; i < kObjects; ++i) {
        const std::size_t size = 16 + i % 100;
        void* p = heap_.allocate(*cache, size);
        ASSERT_NE(p, nullptr);
        sign(p, size);
        while (ring[i % kSlots].load(std::memory_order_relaxed) != nullptr) {
            std::this_thread::yield();
        }
        ring[i % kSlots].store(p, std::memory_order_release);
    }
    consumer.join();
    EXPECT_LT(heap_.stats().slab_bytes, 4 * kMiB) << "objects come back, memory does not pile up";
    heap_.destroy_cache(*cache);
    expect_all_free();
}

TEST_F(SharedHeap, caches_come_and_go_while_others_look) {
    std::atomic<bool> stop{false};
    std::thread observer([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const HeapStats stats = heap_.stats();
            ASSERT_LE(stats.live_bytes, 1024 * kMiB);
            heap_.trim(nullptr, 0);
        }
    });
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (unsigned seed = 0; seed < 3; ++seed) {
        threads.emplace_back([this, seed] {
            std::mt19937 random(seed);
            for (int life = 0; life < 40; ++life) {
                Cache* cache = *heap_.create_cache();
                std::vector<void*> objects(300);
                for (void*& p : objects) {
                    const std::size_t size = random_size(random);
                    p = heap_.allocate(*cache, size);
                    ASSERT_NE(p, nullptr);
                    sign(p, size);
                }
                for (void* p : objects) {
                    ASSERT_TRUE(signed_well(p));
                    heap_.free(*cache, p);
                }
                heap_.destroy_cache(*cache);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    stop.store(true, std::memory_order_relaxed);
    observer.join();
    expect_all_free();
}

TEST_F(SharedHeap, lock_all_finds_every_level_at_rest) {
    std::atomic<bool> stop{false};
    std::thread worker([&] {
        Cache* cache = *heap_.create_cache();
        std::mt19937 random(1);
        while (!stop.load(std::memory_order_relaxed)) {
            std::array<void*, 100> objects{};
            for (void*& p : objects) p = heap_.allocate(*cache, random_size(random));
            for (void* p : objects) heap_.free(*cache, p);
        }
        heap_.destroy_cache(*cache);
    });
    for (int i = 0; i < 200; ++i) {
        heap_.lock_all();
        heap_.unlock_all();
    }
    stop.store(true, std::memory_order_relaxed);
    worker.join();
    expect_all_free();
}

}  // namespace
}  // namespace exo::alloc
