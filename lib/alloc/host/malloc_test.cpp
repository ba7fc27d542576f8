// What programs may expect of malloc(3) and its family on this system. Run twice: on glibc's, which
// shows that the expectations are right, and with libexo_alloc.so preloaded. What only the latter
// promises is skipped without it.
#include <gtest/gtest.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

bool preloaded() {
    return std::getenv("EXO_ALLOC_PRELOADED") != nullptr;
}

/// Through a volatile, so that the compiler neither sees absurd sizes nor drops calls.
std::size_t opaque(std::size_t size) {
    volatile std::size_t hidden = size;
    return hidden;
}

std::size_t resident_bytes() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    std::size_t pages = 0;
    if (file == nullptr || std::fscanf(file, "%*u %zu", &pages) != 1) std::abort();
    std::fclose(file);
    return pages * 4096;
}

TEST(Malloc, the_library_under_test_is_the_one_expected) {
    // glibc rounds 17 up to 24 usable bytes, this allocator to 32.
    void* p = malloc(opaque(17));
    EXPECT_EQ(malloc_usable_size(p), preloaded() ? 32U : 24U);
    free(p);
}

TEST(Malloc, zero_bytes_are_an_object) {
    void* a = malloc(opaque(0));
    void* b = malloc(opaque(0));
    EXPECT_NE(a, nullptr);
    EXPECT_NE(b, nullptr);
    EXPECT_NE(a, b);
    free(a);
    free(b);
    free(nullptr);
}

TEST(Malloc, absurd_sizes_are_enomem) {
    for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 100, std::size_t{PTRDIFF_MAX} + 1,
                                   std::size_t{PTRDIFF_MAX} - 4096, std::size_t{1} << 60}) {
        errno = 0;
        EXPECT_EQ(malloc(opaque(size)), nullptr);
        EXPECT_EQ(errno, ENOMEM);
        errno = 0;
        EXPECT_EQ(calloc(opaque(size), 1), nullptr);
        EXPECT_EQ(errno, ENOMEM);
        void* p = malloc(opaque(10));
        std::memcpy(p, "contents", 9);
        errno = 0;
        EXPECT_EQ(realloc(p, opaque(size)), nullptr);
        EXPECT_EQ(errno, ENOMEM);
        EXPECT_STREQ(static_cast<char*>(p), "contents");
        free(p);
        EXPECT_EQ(posix_memalign(&p, 64, opaque(size)), ENOMEM);
        errno = 0;
        EXPECT_EQ(memalign(64, opaque(size)), nullptr);
        EXPECT_EQ(errno, ENOMEM);
        errno = 0;
        EXPECT_EQ(valloc(opaque(size)), nullptr);
        EXPECT_EQ(errno, ENOMEM);
        errno = 0;
        EXPECT_EQ(pvalloc(opaque(size)), nullptr);
        EXPECT_EQ(errno, ENOMEM);
    }
}

TEST(Malloc, products_that_overflow_are_enomem) {
    const std::size_t half = opaque(SIZE_MAX / 2 + 2);
    errno = 0;
    EXPECT_EQ(calloc(half, 2), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    void* p = malloc(opaque(10));
    errno = 0;
    EXPECT_EQ(reallocarray(p, half, 2), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    p = reallocarray(p, 100, 20);
    EXPECT_GE(malloc_usable_size(p), 2000U);
    free(p);
}

TEST(Malloc, calloc_is_zero_after_reuse) {
    for (const std::size_t size : {1UL, 24UL, 1000UL, 20000UL, 100000UL, 5000000UL}) {
        for (int round = 0; round < 4; ++round) {
            auto* p = static_cast<unsigned char*>(calloc(opaque(size), 1));
            ASSERT_NE(p, nullptr);
            for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(p[i], 0);
            std::memset(p, 0xaa, malloc_usable_size(p));
            free(p);
        }
    }
    void* p = calloc(opaque(0), 5);
    EXPECT_NE(p, nullptr);
    free(p);
}

TEST(Malloc, realloc_at_its_edges) {
    void* p = realloc(nullptr, opaque(100));
    EXPECT_NE(p, nullptr);
    EXPECT_EQ(realloc(p, opaque(0)), nullptr) << "freed";
    p = realloc(nullptr, opaque(0));
    EXPECT_NE(p, nullptr);
    free(p);
}

TEST(Malloc, realloc_keeps_contents_over_all_sizes) {
    std::size_t size = 1;
    auto* p = static_cast<unsigned char*>(malloc(size));
    p[0] = 0;
    while (size < 40 * kMiB) {
        const std::size_t grown = size + size / 3 + 1;
        auto* q = static_cast<unsigned char*>(realloc(p, grown));
        ASSERT_NE(q, nullptr);
        p = q;
        for (std::size_t i = 0; i < size; i += 1 + size / 1000) {
            ASSERT_EQ(p[i], static_cast<unsigned char>(i * 7));
        }
        for (std::size_t i = 0; i < grown; ++i) p[i] = static_cast<unsigned char>(i * 7);
        size = grown;
    }
    while (size > 1) {
        size /= 2;
        auto* q = static_cast<unsigned char*>(realloc(p, size));
        ASSERT_NE(q, nullptr);
        p = q;
        for (std::size_t i = 0; i < size; i += 1 + size / 1000) {
            ASSERT_EQ(p[i], static_cast<unsigned char>(i * 7));
        }
    }
    free(p);
}

TEST(Malloc, alignment_of_everything) {
    for (std::size_t size = 1; size < 100000; size += 1 + size / 5) {
        void* p = malloc(size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 16, 0U);
        EXPECT_GE(malloc_usable_size(p), size);
        std::memset(p, 1, malloc_usable_size(p));
        free(p);
    }
    EXPECT_EQ(malloc_usable_size(nullptr), 0U);
}

TEST(Malloc, posix_memalign) {
    void* const untouched = reinterpret_cast<void*>(8);
    for (const std::size_t alignment : {0UL, 1UL, 2UL, 4UL, 7UL, 12UL, 24UL, 100UL, SIZE_MAX}) {
        void* p = untouched;
        EXPECT_EQ(posix_memalign(&p, opaque(alignment), 10), EINVAL) << alignment;
        EXPECT_EQ(p, untouched);
    }
    for (std::size_t alignment = 8; alignment <= 64 * kMiB; alignment *= 2) {
        for (const std::size_t size : {0UL, 1UL, 100UL, 5000UL, 300000UL}) {
            void* p = nullptr;
            ASSERT_EQ(posix_memalign(&p, alignment, size), 0) << alignment << " " << size;
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0U);
            EXPECT_GE(malloc_usable_size(p), size);
            std::memset(p, 1, size);
            free(p);
        }
    }
}

TEST(Malloc, the_older_aligned_calls) {
    void* p = memalign(opaque(24), 10);  // rounded up to 32
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 32, 0U);
    free(p);
    errno = 0;
    EXPECT_EQ(memalign(opaque(SIZE_MAX), 10), nullptr);
    EXPECT_EQ(errno, EINVAL);
    p = aligned_alloc(256, opaque(1024));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 256, 0U);
    void* moved = realloc(p, 2000);
    free(moved);
    p = valloc(opaque(10));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 4096, 0U);
    free(p);
    p = pvalloc(opaque(4097));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 4096, 0U);
    EXPECT_GE(malloc_usable_size(p), 8192U);
    free(p);
}

TEST(Malloc, free_keeps_errno) {
    std::vector<void*> objects;
    objects.reserve(2001);
    for (int i = 0; i < 2000; ++i) objects.push_back(malloc(opaque(30000)));
    objects.push_back(malloc(opaque(100 * kMiB)));
    errno = 1234;
    for (void* p : objects) free(p);
    EXPECT_EQ(errno, 1234);
}

struct alignas(128) Aligned {
    unsigned char bytes[300];
};

TEST(Malloc, operator_new_and_delete_of_every_kind) {
    auto* plain = new int(3);
    delete plain;
    auto* many = new std::uint64_t[1000];
    many[999] = 1;
    delete[] many;
    auto* aligned = new Aligned;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 128, 0U);
    delete aligned;
    auto* aligned_many = new Aligned[5];
    delete[] aligned_many;
    void* raw = operator new(100);
    operator delete(raw, std::size_t{100});
    raw = operator new(100, std::align_val_t{64});
    operator delete(raw, std::size_t{100}, std::align_val_t{64});
    EXPECT_EQ(operator new(opaque(SIZE_MAX / 2), std::nothrow), nullptr);
}

TEST(Malloc, trim_returns_memory) {
    std::vector<void*> objects(1 << 20);
    for (void*& p : objects) {
        p = malloc(opaque(100));
        std::memset(p, 1, 100);
    }
    const std::size_t peak = resident_bytes();
    for (void* p : objects) free(p);
    malloc_trim(0);
    EXPECT_LT(resident_bytes(), peak - 80 * kMiB);
}

TEST(Malloc, tells_about_itself) {
    const std::size_t before = mallinfo2().uordblks;
    void* p = malloc(opaque(100000));
    EXPECT_GE(mallinfo2().uordblks, before + 100000);
    free(p);
}

TEST(MallocThreads, ended_threads_leave_nothing) {
    const auto work = [] {
        std::vector<void*> objects(3000);
        for (std::size_t i = 0; i < objects.size(); ++i) objects[i] = malloc(16 + i % 600);
        for (void* p : objects) free(p);
    };
    for (int i = 0; i < 50; ++i) std::thread(work).join();
    const std::size_t before = resident_bytes();
    for (int i = 0; i < 500; ++i) std::thread(work).join();
    EXPECT_LT(resident_bytes(), before + 4 * kMiB);
}

// A key whose destructor allocates, frees and arms itself again, in every round there is.
pthread_key_t greedy_key;
std::atomic<int> greedy_rounds{0};

void greedy_destructor(void* value) {
    greedy_rounds.fetch_add(1);
    free(value);
    for (int i = 0; i < 100; ++i) free(malloc(opaque(64)));
    void* aligned = nullptr;
    if (posix_memalign(&aligned, 64, 100) == 0) free(aligned);
    free(calloc(opaque(40000), 1));
    pthread_setspecific(greedy_key, realloc(malloc(opaque(32)), 600));
}

TEST(MallocThreads, destructors_of_thread_data_may_allocate) {
    ASSERT_EQ(pthread_key_create(&greedy_key, greedy_destructor), 0);
    for (int i = 0; i < 20; ++i) {
        std::thread([] { pthread_setspecific(greedy_key, malloc(opaque(500))); }).join();
    }
    EXPECT_GE(greedy_rounds.load(), 20);
    pthread_key_delete(greedy_key);
}

TEST(MallocThreads, objects_freed_by_another_thread) {
    std::vector<void*> objects;
    for (unsigned round = 0; round < 50; ++round) {
        std::thread([&] {
            for (int i = 0; i < 2000; ++i) objects.push_back(malloc(opaque(16 + 7 * (round % 9))));
        }).join();
        for (void* p : objects) free(p);
        objects.clear();
    }
}

/// In the child of a process whose other threads were in malloc: every size, and a thread.
[[noreturn]] void live_as_child() {
    alarm(20);  // a lock held for ever ends the child by a signal
    std::vector<void*> objects;
    for (std::size_t size = 1; size < 300000; size += 1 + size / 8) objects.push_back(malloc(size));
    for (void* p : objects) {
        if (p == nullptr) _exit(1);
        free(p);
    }
    std::thread([] { free(malloc(opaque(100))); }).join();
    _exit(0);
}

TEST(MallocThreads, fork_while_others_allocate) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (unsigned seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&stop, seed] {
            std::mt19937 random(seed);
            std::vector<void*> objects(64, nullptr);
            while (!stop.load(std::memory_order_relaxed)) {
                void*& p = objects[random() % objects.size()];
                free(p);
                p = malloc(random() % 8 == 0 ? random() % 200000 : random() % 2000);
            }
            for (void* p : objects) free(p);
        });
    }
    for (int i = 0; i < 150; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) live_as_child();
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
    }
    stop.store(true, std::memory_order_relaxed);
    for (auto& thread : threads) thread.join();
}

TEST(MallocDeathTest, double_free_ends_in_a_clear_line) {
    if (!preloaded()) GTEST_SKIP() << "libexo_alloc.so only";
    const auto free_twice = [] {
        void* p = malloc(opaque(48));
        free(p);
        free(p);
    };
    EXPECT_DEATH(free_twice(), "^exo_alloc: double free of 0x[0-9a-f]+ \\(48-byte class\\)\n");
}

TEST(MallocDeathTest, foreign_and_inner_pointers_end_in_a_clear_line) {
    if (!preloaded()) GTEST_SKIP() << "libexo_alloc.so only";
    int local = 0;
    EXPECT_DEATH(free(&local), "^exo_alloc: pointer that is not from this heap: 0x");
    auto* p = static_cast<char*>(malloc(opaque(100)));
    EXPECT_DEATH(free(p + 1), "^exo_alloc: invalid free of an address inside an object, 0x");
    auto* run = static_cast<char*>(malloc(opaque(100000)));
    EXPECT_DEATH(free(run + 4096), "^exo_alloc: invalid free of 0x");
    free(run);
    EXPECT_DEATH(free(run), "^exo_alloc: invalid free of 0x");
    const auto use_after_free = [p] {
        free(p);
        return realloc(p, 101);
    };
    EXPECT_DEATH(use_after_free(), "^exo_alloc: realloc after free of 0x");
}

}  // namespace
