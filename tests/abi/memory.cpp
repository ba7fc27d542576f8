// mmap, munmap, mprotect, brk, copy-on-write, stacks, limits of memory.
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/abi/abi.h"

using abi::make_file;
using abi::status_of;

namespace {

constexpr size_t kPage = 4096;

char* map(size_t size, int protection = PROT_READ | PROT_WRITE,
          int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1, off_t offset = 0) {
    void* at = mmap(nullptr, size, protection, flags, fd, offset);
    CHECK(at != MAP_FAILED);
    return static_cast<char*>(at);
}

template <typename Access>
void check_faults(Access access, int number = SIGSEGV) {
    const int status = status_of([&] {
        signal(number, SIG_DFL);
        access();
    });
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), number);
}

}  // namespace

ABI_TEST(anonymous_memory_is_zero_and_stays) {
    constexpr size_t kSize = 8 << 20;
    char* memory = map(kSize);
    for (size_t at = 0; at < kSize; at += kPage) CHECK_EQ(memory[at], 0);
    for (size_t at = 0; at < kSize; at += kPage) memory[at] = static_cast<char>(at / kPage);
    for (size_t at = 0; at < kSize; at += kPage)
        CHECK_EQ(memory[at], static_cast<char>(at / kPage));
    CHECK_EQ(munmap(memory, kSize), 0);
    check_faults([&] { memory[0] = 1; });
}

ABI_TEST(mmap_errors) {
    CHECK_ERRNO(
        reinterpret_cast<long>(mmap(nullptr, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
        EINVAL);
    CHECK_ERRNO(reinterpret_cast<long>(mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, -1, 0)), EBADF);
    CHECK_ERRNO(reinterpret_cast<long>(mmap(nullptr, kPage, PROT_READ, MAP_ANONYMOUS, -1, 0)),
                EINVAL);
    CHECK_ERRNO(
        syscall(SYS_mmap, nullptr, SIZE_MAX / 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        ENOMEM);
    const int fd = open("file", O_WRONLY | O_CREAT, 0644);
    CHECK_ERRNO(reinterpret_cast<long>(mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, fd, 0)),
                EACCES);
    const int reader = open("file", O_RDONLY);
    CHECK_ERRNO(reinterpret_cast<long>(mmap(nullptr, kPage, PROT_WRITE, MAP_SHARED, reader, 0)),
                EACCES);
    CHECK_ERRNO(syscall(SYS_mmap, nullptr, kPage, PROT_READ, MAP_PRIVATE, reader, 123), EINVAL);
    CHECK_ERRNO(syscall(SYS_munmap, 123, kPage), EINVAL);
    CHECK_ERRNO(syscall(SYS_munmap, 0, 0), EINVAL);
}

ABI_TEST(mprotect_takes_and_gives_rights) {
    char* memory = map(3 * kPage);
    memory[kPage] = 'x';
    CHECK_EQ(mprotect(memory + kPage, kPage, PROT_READ), 0);
    CHECK_EQ(memory[kPage], 'x');
    check_faults([&] { memory[kPage] = 'y'; });
    memory[0] = memory[2 * kPage] = 'z';
    CHECK_EQ(mprotect(memory + kPage, kPage, PROT_NONE), 0);
    check_faults([&] { (void)*static_cast<volatile char*>(memory + kPage); });
    CHECK_EQ(mprotect(memory, 3 * kPage, PROT_READ | PROT_WRITE), 0);
    memory[kPage] = 'y';
    CHECK_ERRNO(syscall(SYS_mprotect, memory + 1, kPage, PROT_READ), EINVAL);
    CHECK_EQ(munmap(memory + kPage, kPage), 0);
    CHECK_ERRNO(mprotect(memory, 3 * kPage, PROT_READ), ENOMEM);
}

ABI_TEST(code_runs_only_where_allowed) {
    char* memory = map(kPage);
    memcpy(memory, "\xb8\x2a\0\0\0\xc3", 6);  // mov $42, %eax; ret
    const auto function = reinterpret_cast<int (*)()>(memory);
    check_faults([&] { function(); });
    CHECK_EQ(mprotect(memory, kPage, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(function(), 42);
}

ABI_TEST(fixed_mappings_replace) {
    char* memory = map(4 * kPage);
    memset(memory, 'a', 4 * kPage);
    void* middle = mmap(memory + kPage, kPage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(middle == memory + kPage);
    CHECK_EQ(memory[kPage], 0);
    CHECK_EQ(memory[0], 'a');
    CHECK_EQ(memory[2 * kPage], 'a');
    CHECK_ERRNO(
        reinterpret_cast<long>(mmap(memory, kPage, PROT_READ,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)),
        EEXIST);
}

ABI_TEST(munmap_in_the_middle) {
    char* memory = map(3 * kPage);
    memset(memory, 'm', 3 * kPage);
    CHECK_EQ(munmap(memory + kPage, kPage), 0);
    CHECK_EQ(memory[0], 'm');
    CHECK_EQ(memory[2 * kPage], 'm');
    check_faults([&] { memory[kPage] = 1; });
    CHECK_EQ(munmap(memory, 3 * kPage), 0);
}

ABI_TEST(file_mappings) {
    const int fd = make_file("file", "content");
    char* priv = map(kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    CHECK(memcmp(priv, "content\0\0", 9) == 0);
    priv[0] = 'X';
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'c');
    char* shared = map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    shared[1] = 'Y';
    CHECK_EQ(pread(fd, &byte, 1, 1), 1);
    CHECK_EQ(byte, 'Y');
    CHECK_EQ(pwrite(fd, "Z", 1, 2), 1);
    CHECK_EQ(shared[2], 'Z');
    close(fd);
    CHECK_EQ(shared[3], 't');
}

ABI_TEST(mapping_beyond_the_end_of_a_file) {
    const int fd = make_file("file", "x");
    char* memory = map(2 * kPage, PROT_READ, MAP_SHARED, fd);
    CHECK_EQ(memory[kPage - 1], 0);
    check_faults([&] { (void)*static_cast<volatile char*>(memory + kPage); }, SIGBUS);
    CHECK_EQ(ftruncate(fd, 2 * kPage), 0);
    CHECK_EQ(memory[kPage], 0);
}

ABI_TEST(shared_memory_is_shared_by_fork) {
    char* memory = map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    CHECK_EQ(status_of([&] { memory[7] = 'c'; }), 0);
    CHECK_EQ(memory[7], 'c');
}

ABI_TEST(fork_copies_on_write) {
    constexpr size_t kPages = 2000;
    char* memory = map(kPages * kPage);
    for (size_t i = 0; i < kPages; ++i) memory[i * kPage] = static_cast<char>(i);
    const pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < kPages; i += 2) memory[i * kPage] = 'c';
        for (size_t i = 1; i < kPages; i += 2) CHECK_EQ(memory[i * kPage], static_cast<char>(i));
        _exit(0);
    }
    for (size_t i = 1; i < kPages; i += 2) memory[i * kPage + 1] = 'p';
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    for (size_t i = 0; i < kPages; ++i) CHECK_EQ(memory[i * kPage], static_cast<char>(i));
}

ABI_TEST(copy_on_write_over_generations) {
    char* memory = map(kPage);
    memory[0] = 1;
    const int status = status_of([&] {
        memory[1] = 2;
        const int inner = status_of([&] {
            CHECK(memory[0] == 1 && memory[1] == 2);
            memory[0] = 9;
        });
        CHECK_EQ(inner, 0);
        CHECK_EQ(memory[0], 1);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(memory[1], 0);
}

ABI_TEST(kernel_writes_break_sharing_too) {
    char* memory = map(kPage);
    memory[0] = 'a';
    const int fd = make_file("file", "KERNEL");
    CHECK_EQ(status_of([&] { CHECK_EQ(read(fd, memory, 6), 6); }), 0);
    CHECK_EQ(memory[0], 'a');
}

ABI_TEST(brk_grows_and_shrinks) {
    char* const before = static_cast<char*>(reinterpret_cast<void*>(syscall(SYS_brk, 0)));
    CHECK(before != nullptr);
    char* const wanted = before + 10 * kPage;
    CHECK_EQ(syscall(SYS_brk, wanted), reinterpret_cast<long>(wanted));
    for (char* at = before; at < wanted; at += kPage) *at = 'b';
    CHECK_EQ(syscall(SYS_brk, before), reinterpret_cast<long>(before));
    // A break that cannot be gives the old one.
    CHECK_EQ(syscall(SYS_brk, 1), reinterpret_cast<long>(before));
    CHECK_EQ(syscall(SYS_brk, wanted), reinterpret_cast<long>(wanted));
    CHECK_EQ(*before, (reinterpret_cast<uintptr_t>(before) % kPage == 0) ? 0 : *before);
}

ABI_TEST(stack_grows_to_its_limit) {
    const int status = status_of([] {
        // 4 MiB of 8: page by page, each touched.
        char* block = static_cast<char*>(__builtin_alloca(4 << 20));
        for (long at = (4 << 20) - 1; at >= 0; at -= 4096)
            static_cast<volatile char*>(block)[at] = 1;
        CHECK_EQ(block[(4 << 20) - 1], 1);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(address_space_limit) {
    const int status = status_of([] {
        const rlimit limit = {64 << 20, 64 << 20};
        CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
        size_t got = 0;
        while (mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED) {
            got += 1 << 20;
            CHECK(got <= 64U << 20);
        }
        CHECK_EQ(errno, ENOMEM);
        CHECK(got >= 32U << 20);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(mremap_grows_and_keeps) {
    char* memory = map(2 * kPage);
    memory[0] = 'a';
    memory[kPage] = 'b';
    char* grown = static_cast<char*>(mremap(memory, 2 * kPage, 64 * kPage, MREMAP_MAYMOVE));
    CHECK(grown != MAP_FAILED);
    CHECK(grown[0] == 'a' && grown[kPage] == 'b' && grown[63 * kPage] == 0);
    CHECK_EQ(reinterpret_cast<long>(mremap(grown, 64 * kPage, kPage, 0)),
             reinterpret_cast<long>(grown));
    check_faults([&] { grown[kPage] = 1; });
}

ABI_TEST(madvise_dontneed_gives_zeros) {
    char* memory = map(kPage);
    memory[0] = 'x';
    CHECK_EQ(madvise(memory, kPage, MADV_DONTNEED), 0);
    CHECK_EQ(memory[0], 0);
    CHECK_ERRNO(madvise(memory, kPage, 12345), EINVAL);
    CHECK_ERRNO(madvise(memory + 1, kPage, MADV_DONTNEED), EINVAL);
}
