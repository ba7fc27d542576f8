// The calls that change mappings, at their edges: parts, holes, neighbours, what they refuse.
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/abi/abi.h"

using abi::make_file;

namespace {

constexpr size_t kPage = 4096;

char* map(size_t pages, int protection = PROT_READ | PROT_WRITE,
          int flags = MAP_PRIVATE | MAP_ANONYMOUS) {
    void* at = mmap(nullptr, pages * kPage, protection, flags, -1, 0);
    CHECK(at != MAP_FAILED);
    return static_cast<char*>(at);
}

bool dies_of(int signal, const auto& what) {
    const int status = abi::status_of(what);
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

bool writable(char* at) {
    return !dies_of(SIGSEGV, [=] { *static_cast<volatile char*>(at) = 1; });
}

}  // namespace

ABI_TEST(brk_answers_where_it_is) {
    const auto now = syscall(SYS_brk, 0L);
    CHECK(now > 0);
    CHECK_EQ(syscall(SYS_brk, 1L), now);               // below the beginning
    CHECK_EQ(syscall(SYS_brk, INT64_MAX), now);        // beyond everything
    CHECK_EQ(syscall(SYS_brk, now + 100), now + 100);  // to the byte
    CHECK_EQ(syscall(SYS_brk, 0L), now + 100);
    *reinterpret_cast<char*>(now + 99) = 1;
    CHECK_EQ(syscall(SYS_brk, now), now);
}

ABI_TEST(brk_under_a_data_limit) {
    const auto now = syscall(SYS_brk, 0L);
    CHECK_EQ(syscall(SYS_brk, now + 10'000), now + 10'000);
    const rlimit limit = {1'000'000, RLIM_INFINITY};
    CHECK_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
    CHECK_EQ(syscall(SYS_brk, now + 2'000'000), now + 10'000);
}

ABI_TEST(brk_memory_is_new_each_time) {
    const auto now = syscall(SYS_brk, 0L);
    CHECK_EQ(syscall(SYS_brk, now + 5 * 4096), now + 5 * 4096);
    char* const at = reinterpret_cast<char*>(now + 3 * 4096);
    *at = 'x';
    CHECK_EQ(syscall(SYS_brk, now), now);
    CHECK_EQ(syscall(SYS_brk, now + 5 * 4096), now + 5 * 4096);
    CHECK_EQ(*at, 0);
}

ABI_TEST(mprotect_splits_and_joins) {
    char* const at = map(5);
    CHECK_EQ(mprotect(at + kPage, kPage, PROT_READ), 0);
    CHECK_EQ(mprotect(at + 3 * kPage, kPage, PROT_NONE), 0);
    CHECK(writable(at) && !writable(at + kPage) && writable(at + 2 * kPage));
    CHECK(!writable(at + 3 * kPage) && writable(at + 4 * kPage));
    CHECK_EQ(mprotect(at, 5 * kPage, PROT_READ | PROT_WRITE), 0);
    for (int i = 0; i < 5; ++i) at[static_cast<size_t>(i) * kPage] = 1;
}

ABI_TEST(mprotect_errors) {
    char* const at = map(3);
    CHECK_ERRNO(syscall(SYS_mprotect, at + 1, kPage, PROT_READ), EINVAL);
    CHECK_ERRNO(mprotect(at, kPage, 0x100), EINVAL);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    CHECK_ERRNO(mprotect(at, 3 * kPage, PROT_READ), ENOMEM);
    CHECK_EQ(mprotect(at, 0, PROT_NONE), 0);
    const int fd = make_file("file", "x");
    void* shared = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, open("file", O_RDONLY), 0);
    CHECK(shared != MAP_FAILED);
    CHECK_ERRNO(mprotect(shared, kPage, PROT_READ | PROT_WRITE), EACCES);
    close(fd);
}

ABI_TEST(munmap_of_parts_and_nothing) {
    char* const at = map(4);
    CHECK_EQ(munmap(at + 2 * kPage, 1), 0);  // a whole page goes
    CHECK(dies_of(SIGSEGV, [=] { (void)*static_cast<volatile char*>(at + 2 * kPage + 100); }));
    at[0] = at[kPage] = at[3 * kPage] = 1;
    CHECK_EQ(munmap(at, 4 * kPage), 0);  // with the hole
    CHECK_EQ(munmap(at, 4 * kPage), 0);  // nothing there
    CHECK_ERRNO(munmap(at, 0), EINVAL);
    CHECK_ERRNO(munmap(at + 1, kPage), EINVAL);
}

ABI_TEST(mremap_shrinks) {
    char* const at = map(4);
    at[0] = 'a';
    CHECK(mremap(at, 4 * kPage, kPage, 0) == at);
    CHECK_EQ(at[0], 'a');
    CHECK(dies_of(SIGSEGV, [=] { (void)*static_cast<volatile char*>(at + kPage); }));
}

ABI_TEST(mremap_errors) {
    char* const at = map(4);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    CHECK(mremap(at, 2 * kPage, 3 * kPage, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    CHECK(mremap(at + 1, kPage, kPage, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(at, kPage, 0, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(at, kPage, kPage, 0x100) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(at + kPage, kPage, kPage, 0) == MAP_FAILED && errno == EFAULT);
    char* const pair = map(2);
    CHECK(mremap(pair, kPage, 2 * kPage, 0) == MAP_FAILED && errno == ENOMEM);
}

ABI_TEST(mremap_moves_shared_memory) {
    char* const at = map(1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    at[5] = 'x';
    if (fork() == 0) {
        usleep(20'000);
        at[6] = 'y';
        _exit(0);
    }
    char* const moved = static_cast<char*>(mremap(at, kPage, 3 * kPage, MREMAP_MAYMOVE));
    CHECK(moved != MAP_FAILED);
    CHECK_EQ(moved[5], 'x');
    CHECK(wait(nullptr) > 0);
    CHECK_EQ(moved[6], 'y');
}

ABI_TEST(msync_of_files) {
    const int fd = make_file("file", "abc");
    char* const at =
        static_cast<char*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    at[0] = 'X';
    CHECK_EQ(msync(at, kPage, MS_SYNC), 0);
    CHECK_EQ(msync(at, 1, MS_ASYNC), 0);
    CHECK_EQ(msync(at, kPage, MS_INVALIDATE), 0);
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'X');
}

ABI_TEST(msync_errors) {
    char* const at = map(3);
    CHECK_ERRNO(msync(at + 1, kPage, MS_SYNC), EINVAL);
    CHECK_ERRNO(msync(at, kPage, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERRNO(msync(at, kPage, 64), EINVAL);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    CHECK_ERRNO(msync(at, 3 * kPage, MS_SYNC), ENOMEM);
    CHECK_EQ(msync(at, 0, MS_SYNC), 0);
}

ABI_TEST(madvise_of_parts) {
    char* const at = map(3);
    memset(at, 'x', 3 * kPage);
    CHECK_EQ(madvise(at + kPage, kPage, MADV_DONTNEED), 0);
    CHECK(at[0] == 'x' && at[kPage] == 0 && at[2 * kPage] == 'x');
    for (const int hint : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED})
        CHECK_EQ(madvise(at, 3 * kPage, hint), 0);
    CHECK_EQ(at[0], 'x');
}

ABI_TEST(madvise_dontneed_brings_a_file_back) {
    const int fd = make_file("file", "abc");
    char* const at =
        static_cast<char*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    at[0] = 'X';
    CHECK_EQ(madvise(at, kPage, MADV_DONTNEED), 0);
    CHECK_EQ(at[0], 'a');
}

ABI_TEST(madvise_errors) {
    char* const at = map(3);
    memset(at, 'x', 3 * kPage);
    CHECK_ERRNO(madvise(at + 1, kPage, MADV_DONTNEED), EINVAL);
    CHECK_ERRNO(madvise(at, kPage, 9999), EINVAL);
    CHECK_EQ(madvise(at, 0, MADV_DONTNEED), 0);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    CHECK_ERRNO(madvise(at, 3 * kPage, MADV_DONTNEED), ENOMEM);
    CHECK(at[0] == 0 && at[2 * kPage] == 0);  // what is there was advised all the same
}

ABI_TEST(mmap_fixed_noreplace) {
    char* const at = map(3);
    CHECK_EQ(munmap(at + kPage, kPage), 0);
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    CHECK(mmap(at, kPage, PROT_READ, kFlags, -1, 0) == MAP_FAILED && errno == EEXIST);
    CHECK(mmap(at + kPage, 2 * kPage, PROT_READ, kFlags, -1, 0) == MAP_FAILED && errno == EEXIST);
    CHECK(mmap(at + kPage, kPage, PROT_READ, kFlags, -1, 0) == at + kPage);
}

ABI_TEST(mmap_hints_are_taken_where_free) {
    char* const at = map(3);
    CHECK_EQ(munmap(at, 3 * kPage), 0);
    CHECK(mmap(at + kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == at + kPage);
    void* other = mmap(at + kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(other != MAP_FAILED && other != at + kPage);
}

ABI_TEST(private_mappings_do_not_reach_the_file) {
    const int fd = make_file("file", "abc");
    close(open("file", O_RDONLY));
    const int reader = open("file", O_RDONLY);
    char* const at =
        static_cast<char*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0));
    CHECK(at != MAP_FAILED);
    at[0] = 'X';
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'a');
    CHECK_EQ(pwrite(fd, "Z", 1, 1), 1);
    CHECK_EQ(close(reader), 0);
    CHECK_EQ(at[0], 'X');
}

ABI_TEST(mremap_to_the_same_size_leaves_the_next_mapping) {
    char* const at = map(2);
    at[kPage] = 'n';
    CHECK_EQ(mprotect(at + kPage, kPage, PROT_READ), 0);  // a mapping of its own
    CHECK(mremap(at, kPage, kPage, MREMAP_MAYMOVE) == at);
    CHECK(mremap(at, kPage, 100, MREMAP_MAYMOVE) == at);  // rounded up
    CHECK_EQ(at[kPage], 'n');
}
