// What of a program's memory is there: mlock(2), mincore(2); membarrier(2).
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/abi/abi.h"

namespace {

constexpr size_t kPage = 4096;

char* map(size_t pages, int protection = PROT_READ | PROT_WRITE) {
    void* const at = mmap(nullptr, pages * kPage, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return static_cast<char*>(at);
}

int resident(const void* at, size_t pages) {
    unsigned char there[64];
    CHECK_EQ(mincore(const_cast<void*>(at), pages * kPage, there), 0);
    int count = 0;
    for (size_t i = 0; i < pages; ++i) count += there[i] & 1;
    return count;
}

constexpr int kQuery = 0, kPrivate = 8, kRegisterPrivate = 16;

long barrier(int command, unsigned flags = 0) {
    return syscall(SYS_membarrier, command, flags, 0);
}

}  // namespace

ABI_TEST(mincore_tells_what_was_touched) {
    char* const at = map(8);
    CHECK_EQ(resident(at, 8), 0);
    at[0] = at[3 * kPage] = 1;
    CHECK_EQ(resident(at, 8), 2);
    CHECK_EQ(madvise(at, kPage, MADV_DONTNEED), 0);
    CHECK_EQ(resident(at, 8), 1);
}

ABI_TEST(mincore_knows_pages_of_files) {
    const int fd = abi::make_file("file", "x");
    CHECK_EQ(ftruncate(fd, 4 * kPage), 0);
    void* const at = mmap(nullptr, 4 * kPage, PROT_READ, MAP_SHARED, fd, 0);
    CHECK_EQ(resident(at, 1), 1);  // written, though not by this mapping
}

ABI_TEST(mincore_refuses) {
    char* const at = map(2);
    unsigned char there[4];
    CHECK_ERRNO(mincore(at + 1, kPage, there), EINVAL);
    CHECK_ERRNO(mincore(at, 2 * kPage, reinterpret_cast<unsigned char*>(8)), EFAULT);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    CHECK_ERRNO(mincore(at, 2 * kPage, there), ENOMEM);
    CHECK_EQ(mincore(at, 0, there), 0);
}

ABI_TEST(locked_pages_are_there) {
    char* const at = map(8);
    CHECK_EQ(mlock(at + kPage + 5, kPage), 0);  // touches two
    CHECK_EQ(resident(at + kPage, 2), 2);
    CHECK_EQ(munlock(at, 8 * kPage), 0);
    CHECK_EQ(mlock(at, 8 * kPage), 0);
    CHECK_EQ(resident(at, 8), 8);
}

ABI_TEST(locking_stops_where_nothing_is_mapped) {
    char* const at = map(4);
    CHECK_EQ(munmap(at + 2 * kPage, kPage), 0);
    CHECK_ERRNO(syscall(SYS_mlock2, at, 4 * kPage, 0), ENOMEM);
    CHECK_EQ(syscall(SYS_mlock2, at, 0, 0), 0);
    CHECK_ERRNO(syscall(SYS_mlock2, at + 2 * kPage, kPage, 1), ENOMEM);
}

ABI_TEST(pages_can_be_locked_once_they_come) {
    char* const at = map(4);
    CHECK_EQ(syscall(SYS_mlock2, at, 4 * kPage, 1), 0);  // MLOCK_ONFAULT
    CHECK_EQ(resident(at, 4), 0);
    CHECK_EQ(syscall(SYS_mlock2, at, 4 * kPage, 0), 0);
    CHECK_EQ(resident(at, 4), 4);
    CHECK_ERRNO(syscall(SYS_mlock2, at, 4 * kPage, 2), EINVAL);
}

ABI_TEST(mlock_refuses) {
    char* const at = map(3);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    CHECK_ERRNO(mlock(at, 3 * kPage), ENOMEM);
    CHECK_ERRNO(munlock(at, 3 * kPage), ENOMEM);
    CHECK_ERRNO(mlock(map(1, PROT_NONE), kPage), ENOMEM);
    CHECK_EQ(mlock(at, ~size_t{0}), 0);  // rounded up, it is nothing
    CHECK_ERRNO(mlock(at, ~size_t{0} - kPage), EINVAL);
    CHECK_EQ(mlock(at, 0), 0);
}

ABI_TEST(RLIMIT_MEMLOCK_bounds_what_may_be_locked) {
    rlimit limit = {2 * kPage, 2 * kPage};
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    char* const at = map(4);
    abi::as_nobody([&] {
        CHECK_EQ(mlock(at, 2 * kPage), 0);
        CHECK_EQ(munlock(at, 2 * kPage), 0);
        CHECK_ERRNO(mlock(at, 3 * kPage), ENOMEM);
        const rlimit none = {0, 0};
        CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
        CHECK_ERRNO(mlock(at, kPage), EPERM);
        CHECK_ERRNO(mlockall(MCL_CURRENT), EPERM);
    });
}

ABI_TEST(all_memory_can_be_locked) {
    char* const at = map(4);
    CHECK_EQ(mlockall(MCL_CURRENT), 0);
    CHECK_EQ(resident(at, 4), 4);
    CHECK_EQ(munlockall(), 0);
    CHECK_EQ(mlockall(MCL_CURRENT | MCL_ONFAULT), 0);
    CHECK_EQ(munlockall(), 0);
    CHECK_ERRNO(mlockall(0), EINVAL);
    CHECK_ERRNO(mlockall(MCL_ONFAULT), EINVAL);
    CHECK_ERRNO(mlockall(16), EINVAL);
}

ABI_TEST(membarrier_says_what_it_knows) {
    const long known = barrier(kQuery);
    CHECK_EQ(known & (kPrivate | kRegisterPrivate), kPrivate | kRegisterPrivate);
    CHECK_ERRNO(barrier(kQuery, 4), EINVAL);
    CHECK_ERRNO(barrier(1 << 20), EINVAL);
}

ABI_TEST(an_expedited_membarrier_wants_to_be_registered) {
    CHECK_ERRNO(barrier(kPrivate), EPERM);
    CHECK_EQ(barrier(kRegisterPrivate), 0);
    CHECK_EQ(barrier(kPrivate), 0);
}

namespace {

volatile int mine, other, seen, go, done;
volatile bool stop;

void* run_fast_side(void*) {
    for (int round = 0; !stop;) {
        if (go == round) continue;
        ++round;
        mine = 1;
        asm volatile("" ::: "memory");  // orders for the compiler only
        seen = other;
        done = round;
    }
    return nullptr;
}

}  // namespace

// Dekker's two sides, of which one leaves its fence to the other's membarrier(2): not both may
// miss what the other one wrote.
ABI_TEST(a_membarrier_orders_other_threads) {
    CHECK_EQ(barrier(kRegisterPrivate), 0);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, nullptr, run_fast_side, nullptr), 0);
    for (int round = 1; round <= 200; ++round) {
        mine = other = 0;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        go = round;
        other = 1;
        CHECK_EQ(barrier(kPrivate), 0);
        const int saw = mine;
        while (done != round) sched_yield();
        CHECK(saw != 0 || seen != 0);
    }
    stop = true;
    CHECK_EQ(pthread_join(thread, nullptr), 0);
}

ABI_TEST(munlockall_leaves_pages_where_they_are) {
    char* const at = map(2);
    CHECK_EQ(munlockall(), 0);  // nothing was locked
    CHECK_EQ(mlock(at, 2 * kPage), 0);
    CHECK_EQ(munlockall(), 0);
    CHECK_EQ(resident(at, 2), 2);
}
