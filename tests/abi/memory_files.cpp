// Files in memory without a name, and seals (memfd_create(2), fcntl(2)).
#include <sys/mman.h>

#include "tests/abi/abi.h"

namespace {

int make(const char* name, unsigned flags) {
    return static_cast<int>(syscall(SYS_memfd_create, name, flags));
}

void* map(int fd, int protection, int flags) {
    return mmap(nullptr, 8192, protection, flags, fd, 0);
}

constexpr int kAll = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

ABI_TEST(a_memory_file_is_a_file) {
    const int fd = make("some thing", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    struct stat stat;
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK(S_ISREG(stat.st_mode));
    CHECK_EQ(stat.st_nlink, 0);
    CHECK_EQ(stat.st_mode & 0777, 0777);
    CHECK_EQ(stat.st_size, 0);
    CHECK_EQ(write(fd, "hello", 5), 5);
    char text[8];
    CHECK_EQ(pread(fd, text, sizeof text, 0), 5);
    CHECK_EQ(memcmp(text, "hello", 5), 0);
}

ABI_TEST(proc_shows_the_name_of_a_memory_file) {
    const int fd = make("a/b", 0);
    char path[32], target[64] = {};
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(readlink(path, target, sizeof target) > 0);
    CHECK_EQ(strcmp(target, "/memfd:a/b (deleted)"), 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    const int again = open(path, O_RDONLY);
    CHECK(again >= 0);
    char byte = 0;
    CHECK_EQ(read(again, &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

ABI_TEST(memory_files_of_one_name_are_two) {
    const int first = make("name", 0), second = make("name", 0);
    CHECK_EQ(ftruncate(first, 8192), 0);
    auto* const one = static_cast<char*>(map(first, PROT_READ | PROT_WRITE, MAP_SHARED));
    CHECK(one != MAP_FAILED);
    one[5000] = 'x';
    char byte = 0;
    CHECK_EQ(pread(first, &byte, 1, 5000), 1);
    CHECK_EQ(byte, 'x');
    struct stat a, b;
    CHECK_EQ(fstat(first, &a) + fstat(second, &b), 0);
    CHECK(a.st_ino != b.st_ino && a.st_dev == b.st_dev);
    CHECK_EQ(b.st_size, 0);
}

ABI_TEST(a_bad_memory_file_is_refused) {
    char name[252];
    memset(name, 'x', sizeof name);
    name[249] = 0;
    CHECK(make(name, 0) >= 0);
    name[249] = 'x';
    name[250] = 0;
    CHECK_ERRNO(make(name, 0), EINVAL);
    CHECK_ERRNO(make(reinterpret_cast<const char*>(8), 0), EFAULT);
    CHECK_ERRNO(make("x", 0x100), EINVAL);
}

ABI_TEST(seals_are_added_and_told) {
    const int fd = make("x", MFD_ALLOW_SEALING);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, 0x4000), EINVAL);
}

ABI_TEST(files_that_did_not_ask_for_seals_are_sealed_against_them) {
    const int fd = make("x", 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(fcntl(ends[1], F_GET_SEALS), EINVAL);
    CHECK_ERRNO(fcntl(ends[0], F_ADD_SEALS, F_SEAL_GROW), EPERM);  // not open for writing
    CHECK_ERRNO(fcntl(99, F_GET_SEALS), EBADF);
}

ABI_TEST(a_size_can_be_sealed) {
    const int fd = make("x", MFD_ALLOW_SEALING);
    CHECK_EQ(ftruncate(fd, 100), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    CHECK_ERRNO(ftruncate(fd, 99), EPERM);
    CHECK_EQ(ftruncate(fd, 200), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_ERRNO(ftruncate(fd, 201), EPERM);
    CHECK_EQ(ftruncate(fd, 200), 0);
    CHECK_EQ(pwrite(fd, "xx", 2, 198), 2);
    CHECK_ERRNO(pwrite(fd, "xx", 2, 199), EPERM);
    CHECK_ERRNO(posix_fallocate(fd, 0, 300) == 0 ? 0 : (errno = EPERM, -1), EPERM);
}

ABI_TEST(a_write_into_a_sealed_size_goes_as_far_as_whole_pages) {
    const int fd = make("x", MFD_ALLOW_SEALING);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    static char block[8192];
    CHECK_EQ(pwrite(fd, block, sizeof block, 4096), 4096);
    CHECK_ERRNO(pwrite(fd, block, sizeof block, 8192), EPERM);
}

ABI_TEST(content_can_be_sealed) {
    const int fd = make("x", MFD_ALLOW_SEALING);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    CHECK_ERRNO(write(fd, "x", 1), EPERM);
    CHECK(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM);
    auto* const own = static_cast<char*>(map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE));
    CHECK(own != MAP_FAILED);
    own[0] = 'x';
    char byte = 1;
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 0);
}

ABI_TEST(content_is_not_sealed_while_it_is_mapped_for_writing) {
    const int fd = make("x", MFD_ALLOW_SEALING);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    void* const at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    CHECK(at != MAP_FAILED);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_EQ(mprotect(at, 8192, PROT_READ), 0);  // it could get the right back
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_EQ(munmap(at, 8192), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, kAll), 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), kAll);
}

ABI_TEST(future_writes_are_sealed_and_present_mappings_stay) {
    const int fd = make("x", MFD_ALLOW_SEALING);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    auto* const at = static_cast<char*>(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
    CHECK(at != MAP_FAILED);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
    at[0] = 'x';
    CHECK_ERRNO(write(fd, "x", 1), EPERM);
    CHECK(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM);
    void* const second = map(fd, PROT_READ, MAP_SHARED);
    CHECK(second != MAP_FAILED);
    CHECK_ERRNO(mprotect(second, 4096, PROT_READ | PROT_WRITE), EACCES);
}
