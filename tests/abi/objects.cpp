// Where files end, mappings of them end too: SIGBUS beyond the last page, truncation under a
// mapping, growth that mappings see (mmap(2), truncate(2)).
#include <setjmp.h>
#include <sys/mman.h>

#include "tests/abi/abi.h"

namespace {

constexpr size_t kPage = 4096;

sigjmp_buf back;
siginfo_t seen;

void remember(int, siginfo_t* info, void*) {
    seen = *info;
    siglongjmp(back, 1);
}

/// The signal that `access` brings; 0: none. Its information is in `seen`.
template <typename Access>
int signal_of(Access access) {
    struct sigaction action = {};
    action.sa_sigaction = remember;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGBUS, &action, nullptr);
    sigaction(SIGSEGV, &action, nullptr);
    memset(&seen, 0, sizeof seen);
    if (sigsetjmp(back, 1) != 0) return seen.si_signo;
    access();
    return 0;
}

int reading(volatile char* at) {
    return signal_of([=] { static_cast<void>(*at); });
}
int writing(volatile char* at) {
    return signal_of([=] { *at = 'w'; });
}

int file_of(size_t bytes) {
    const int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, static_cast<off_t>(bytes)), 0);
    return fd;
}

volatile char* map(int fd, size_t bytes, int flags) {
    void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    CHECK(at != MAP_FAILED);
    return static_cast<volatile char*>(at);
}

}  // namespace

ABI_TEST(beyond_the_last_page_is_SIGBUS) {
    for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
        const int fd = file_of(kPage + 10);
        volatile char* const at = map(fd, 4 * kPage, flags);
        CHECK_EQ(reading(at + kPage + 5), 0);
        CHECK_EQ(at[2 * kPage - 1], 0);
        CHECK_EQ(reading(at + 2 * kPage), SIGBUS);
        CHECK_EQ(seen.si_code, BUS_ADRERR);
        CHECK(seen.si_addr == const_cast<char*>(at + 2 * kPage));
        CHECK_EQ(writing(at + 3 * kPage + 7), SIGBUS);
        CHECK(seen.si_addr == const_cast<char*>(at + 3 * kPage + 7));
    }
}

ABI_TEST(an_empty_file_has_no_page_to_touch) {
    const int fd = file_of(0);
    CHECK_EQ(reading(map(fd, kPage, MAP_SHARED)), SIGBUS);
}

ABI_TEST(truncation_takes_pages_away_from_shared_mappings) {
    const int fd = file_of(4 * kPage);
    volatile char* const at = map(fd, 4 * kPage, MAP_SHARED);
    for (size_t page = 0; page < 4; ++page) at[page * kPage] = 'a';
    CHECK_EQ(ftruncate(fd, kPage + 1), 0);
    CHECK_EQ(at[kPage], 'a');
    CHECK_EQ(reading(at + 2 * kPage), SIGBUS);
    CHECK_EQ(writing(at + 3 * kPage), SIGBUS);
    CHECK_EQ(ftruncate(fd, 4 * kPage), 0);
    CHECK_EQ(at[2 * kPage], 0);
    CHECK_EQ(at[kPage], 'a');
}

ABI_TEST(truncation_takes_private_copies_too) {
    const int fd = file_of(4 * kPage);
    volatile char* const at = map(fd, 4 * kPage, MAP_PRIVATE);
    for (size_t page = 0; page < 4; ++page) at[page * kPage] = 'p';
    CHECK_EQ(ftruncate(fd, 2 * kPage), 0);
    CHECK_EQ(at[kPage], 'p');
    CHECK_EQ(reading(at + 2 * kPage), SIGBUS);
    CHECK_EQ(reading(at + 3 * kPage), SIGBUS);
    CHECK_EQ(ftruncate(fd, 4 * kPage), 0);
    CHECK_EQ(at[2 * kPage], 0);
    at[2 * kPage] = 'q';
    CHECK_EQ(at[2 * kPage], 'q');
    char byte = 'x';
    CHECK_EQ(pread(fd, &byte, 1, 2 * kPage), 1);
    CHECK_EQ(byte, 0);
}

ABI_TEST(truncation_reaches_parent_and_child_after_fork) {
    for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
        const int fd = file_of(4 * kPage);
        volatile char* const at = map(fd, 4 * kPage, flags);
        for (size_t page = 0; page < 4; ++page) at[page * kPage] = 'f';
        int ready[2], go[2];
        CHECK_EQ(pipe(ready), 0);
        CHECK_EQ(pipe(go), 0);
        char byte = 0;
        const pid_t child = fork();
        if (child == 0) {
            const bool here = at[3 * kPage] == 'f';
            write(ready[1], &byte, 1);
            read(go[0], &byte, 1);
            _exit(here && at[kPage] == 'f' && reading(at + 3 * kPage) == SIGBUS ? 0 : 1);
        }
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        CHECK_EQ(ftruncate(fd, 2 * kPage), 0);
        CHECK_EQ(reading(at + 2 * kPage), SIGBUS);
        CHECK_EQ(at[kPage], 'f');
        CHECK_EQ(write(go[1], &byte, 1), 1);
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
}

ABI_TEST(shared_mappings_see_growth) {
    const int fd = file_of(10);
    volatile char* const at = map(fd, 3 * kPage, MAP_SHARED);
    CHECK_EQ(reading(at + kPage), SIGBUS);
    CHECK_EQ(pwrite(fd, "grown", 5, kPage + 100), 5);
    CHECK_EQ(at[kPage + 100], 'g');
    CHECK_EQ(at[kPage + 99], 0);
    CHECK_EQ(reading(at + 2 * kPage), SIGBUS);
    CHECK_EQ(ftruncate(fd, 3 * kPage), 0);
    at[2 * kPage] = 'z';
    char byte = 0;
    CHECK_EQ(pread(fd, &byte, 1, 2 * kPage), 1);
    CHECK_EQ(byte, 'z');
}

ABI_TEST(what_lies_beyond_the_end_in_the_last_page_is_not_kept) {
    const int fd = file_of(100);
    volatile char* const at = map(fd, kPage, MAP_SHARED);
    at[50] = 'k';
    CHECK_EQ(ftruncate(fd, 20), 0);
    CHECK_EQ(ftruncate(fd, 100), 0);
    CHECK_EQ(at[50], 0);
}

ABI_TEST(calls_that_touch_what_is_beyond_the_end_fail) {
    const int fd = file_of(kPage);
    volatile char* const at = map(fd, 2 * kPage, MAP_SHARED);
    char* const beyond = const_cast<char*>(at + kPage);
    const int other = open("other", O_RDWR | O_CREAT, 0600);
    CHECK_EQ(write(other, "text", 4), 4);
    CHECK_ERRNO(pread(other, beyond, 4, 0), EFAULT);
    CHECK_ERRNO(write(other, beyond, 4), EFAULT);
    CHECK_ERRNO(open(beyond, O_RDONLY), EFAULT);
}

ABI_TEST(a_mapping_survives_mprotect_mremap_and_unlink_of_its_file) {
    const int fd = file_of(4 * kPage);
    volatile char* at = map(fd, 4 * kPage, MAP_PRIVATE);
    for (size_t page = 0; page < 4; ++page) at[page * kPage] = 'm';
    CHECK_EQ(unlink("file"), 0);
    char* const second = const_cast<char*>(at + kPage);
    CHECK_EQ(mprotect(second, kPage, PROT_READ), 0);
    CHECK_EQ(mprotect(second, kPage, PROT_READ | PROT_WRITE), 0);
    void* const moved = mremap(const_cast<char*>(at), 4 * kPage, 64 * kPage, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED);
    at = static_cast<volatile char*>(moved);
    CHECK_EQ(at[3 * kPage], 'm');
    CHECK_EQ(ftruncate(fd, kPage), 0);
    CHECK_EQ(at[0], 'm');
    for (size_t page = 1; page < 4; ++page) CHECK_EQ(reading(at + page * kPage), SIGBUS);
}
