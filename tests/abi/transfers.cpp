// Reading and writing by more than one buffer or descriptor, what is made stable, and the calls
// that make, copy and close descriptors by flags and ranges.
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "tests/abi/abi.h"

using abi::make_file;

namespace {

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

bool holds(int fd, const char* wanted) {
    char text[64] = {};
    const ssize_t got = pread(fd, text, sizeof text, 0);
    return got == static_cast<ssize_t>(strlen(wanted)) && memcmp(text, wanted, strlen(wanted)) == 0;
}

/// Offsets go in two registers, of which Linux uses the first on 64-bit machines.
long preadv_at(int fd, const iovec* vectors, int count, long offset) {
    return syscall(SYS_preadv, fd, vectors, count, offset, 0L);
}
long pwritev_at(int fd, const iovec* vectors, int count, long offset) {
    return syscall(SYS_pwritev, fd, vectors, count, offset, 0L);
}

}  // namespace

ABI_TEST(preadv_pwritev_leave_the_offset) {
    const int fd = make_file("file", "0123456789");
    char a[2], b[4];
    iovec in[] = {{a, sizeof a}, {b, sizeof b}};
    CHECK_EQ(preadv_at(fd, in, 2, 3), 6);
    CHECK(memcmp(a, "34", 2) == 0 && memcmp(b, "5678", 4) == 0);
    iovec out[] = {{a, sizeof a}, {b, sizeof b}};
    CHECK_EQ(pwritev_at(fd, out, 2, 8), 6);
    CHECK(holds(fd, "01234567345678"));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(preadv_at(fd, in, 2, 12), 2);  // partly
    CHECK_EQ(preadv_at(fd, in, 2, 14), 0);  // at the end
}

ABI_TEST(preadv_pwritev_errors) {
    const int fd = make_file("file", "0123456789");
    char a[4];
    iovec vector = {a, sizeof a};
    CHECK_ERRNO(preadv_at(fd, &vector, 1, -1), EINVAL);
    CHECK_ERRNO(pwritev_at(fd, &vector, 1, -1), EINVAL);
    CHECK_ERRNO(preadv_at(fd, &vector, IOV_MAX + 1, 0), EINVAL);
    CHECK_ERRNO(preadv_at(99, &vector, 1, 0), EBADF);
    CHECK_ERRNO(pwritev_at(open("file", O_RDONLY), &vector, 1, 0), EBADF);
    CHECK_ERRNO(preadv_at(open("file", O_WRONLY), &vector, 1, 0), EBADF);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(preadv_at(ends[0], &vector, 1, 0), ESPIPE);
    CHECK_ERRNO(pwritev_at(ends[1], &vector, 1, 0), ESPIPE);
    CHECK_EQ(preadv_at(fd, nullptr, 0, 0), 0);
}

ABI_TEST(pwrite_to_append_goes_to_the_end) {
    close(make_file("file", "abc"));
    const int fd = open("file", O_RDWR | O_APPEND);
    CHECK_EQ(syscall(SYS_pwrite64, fd, "x", 1L, 0L), 1);  // pwrite(2), BUGS
    iovec vector = {const_cast<char*>("y"), 1};
    CHECK_EQ(pwritev_at(fd, &vector, 1, 0), 1);
    CHECK(holds(fd, "abcxy"));
}

ABI_TEST(readv_writev_on_pipes) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    iovec out[] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("cdef"), 4}};
    CHECK_EQ(writev(ends[1], out, 2), 6);
    char a[4], b[8];
    iovec in[] = {{a, sizeof a}, {b, sizeof b}};
    CHECK_EQ(readv(ends[0], in, 2), 6);
    CHECK(memcmp(a, "abcd", 4) == 0 && memcmp(b, "ef", 2) == 0);
    CHECK_EQ(readv(ends[0], in, 0), 0);
    CHECK_ERRNO(readv(ends[1], in, 2), EBADF);
    CHECK_ERRNO(writev(ends[0], out, 2), EBADF);
    CHECK_ERRNO(readv(99, in, 0), EBADF);
}

ABI_TEST(vectors_too_long_in_all) {
    const int fd = make_file("file", "");
    char byte = 'x';
    // The sum may not pass SSIZE_MAX; what is beyond MAX_RW_COUNT is left for the next call.
    iovec vectors[] = {{&byte, 1}, {&byte, SIZE_MAX / 2 + 1}};
    CHECK_ERRNO(writev(fd, vectors, 2), EINVAL);
    CHECK_ERRNO(readv(fd, vectors, 2), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
}

ABI_TEST(sendfile_moves_the_offsets) {
    const int in = make_file("in", "0123456789");
    const int out = make_file("out", "");
    CHECK_EQ(lseek(in, 2, SEEK_SET), 2);
    CHECK_EQ(sendfile(out, in, nullptr, 3), 3);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 5);
    off_t at = 8;
    CHECK_EQ(sendfile(out, in, &at, 100), 2);
    CHECK_EQ(at, 10);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 5);
    CHECK_EQ(sendfile(out, in, &at, 100), 0);
    CHECK(holds(out, "23489"));
}

ABI_TEST(sendfile_into_a_pipe) {
    static char block[100'000];
    memset(block, 'b', sizeof block);
    const int in = make_file("in", "");
    CHECK_EQ(write(in, block, sizeof block), sizeof block);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    if (fork() == 0) {
        close(ends[0]);
        off_t at = 0;
        while (at < static_cast<off_t>(sizeof block))
            if (sendfile(ends[1], in, &at, sizeof block) <= 0) _exit(1);
        _exit(0);
    }
    close(ends[1]);
    size_t total = 0;
    for (ssize_t got; (got = read(ends[0], block, sizeof block)) > 0;)
        total += static_cast<size_t>(got);
    CHECK_EQ(total, sizeof block);
}

ABI_TEST(sendfile_errors) {
    const int in = make_file("in", "0123456789");
    const int out = make_file("out", "");
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(sendfile(99, in, nullptr, 1), EBADF);
    CHECK_ERRNO(sendfile(out, 99, nullptr, 1), EBADF);
    CHECK_ERRNO(sendfile(open("out", O_RDONLY), in, nullptr, 1), EBADF);
    CHECK_ERRNO(sendfile(out, open("in", O_WRONLY), nullptr, 1), EBADF);
    off_t before = -1;
    CHECK_ERRNO(sendfile(out, in, &before, 1), EINVAL);
    off_t at = 0;
    CHECK_ERRNO(sendfile(out, ends[0], &at, 1), ESPIPE);
    CHECK_ERRNO(sendfile(open("out", O_WRONLY | O_APPEND), in, nullptr, 1), EINVAL);
}

ABI_TEST(fsync_and_fdatasync) {
    const int fd = make_file("file", "x");
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    CHECK_EQ(fsync(open(".", O_RDONLY | O_DIRECTORY)), 0);
    CHECK_EQ(fdatasync(open("file", O_RDONLY)), 0);  // also one that cannot write
}

ABI_TEST(fsync_and_fdatasync_errors) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(fsync(ends[1]), EINVAL);
    CHECK_ERRNO(fdatasync(ends[0]), EINVAL);
    CHECK_ERRNO(fsync(99), EBADF);
    CHECK_ERRNO(fdatasync(99), EBADF);
    CHECK_ERRNO(fsync(open("/dev/null", O_WRONLY)), EINVAL);
    CHECK_ERRNO(fsync(open(".", O_PATH)), EBADF);
}

ABI_TEST(syncfs_of_a_descriptor) {
    CHECK_EQ(syscall(SYS_syncfs, make_file("file", "x")), 0);
    CHECK_EQ(syscall(SYS_syncfs, open(".", O_RDONLY)), 0);
}

ABI_TEST(syncfs_errors) {
    CHECK_ERRNO(syscall(SYS_syncfs, 99), EBADF);
    CHECK_ERRNO(syscall(SYS_syncfs, open(".", O_PATH)), EBADF);
}

ABI_TEST(sync_always_succeeds) {
    const int fd = make_file("file", "x");
    CHECK_EQ(syscall(SYS_sync), 0);
    CHECK(holds(fd, "x"));
}

ABI_TEST(sync_is_for_everybody) {
    const int status = abi::status_of([] {
        CHECK_EQ(setuid(65534), 0);
        CHECK_EQ(syscall(SYS_sync), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(close_range_closes) {
    for (int fd = 30; fd < 40; ++fd) CHECK_EQ(dup2(1, fd), fd);
    CHECK_EQ(syscall(SYS_close_range, 32, 35, 0), 0);
    CHECK(is_open(31) && !is_open(32) && !is_open(35) && is_open(36));
    CHECK_EQ(syscall(SYS_close_range, 36, ~0u, 0), 0);
    CHECK(is_open(31) && !is_open(36) && !is_open(39));
    CHECK_EQ(syscall(SYS_close_range, 5000, ~0u, 0), 0);  // none there
}

ABI_TEST(close_range_flags) {
    constexpr unsigned kUnshare = 2, kCloseOnExec = 4;
    CHECK_EQ(dup2(1, 30), 30);
    CHECK_EQ(dup2(1, 31), 31);
    CHECK_EQ(syscall(SYS_close_range, 30, 30, kCloseOnExec), 0);
    CHECK_EQ(fcntl(30, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(31, F_GETFD), 0);
    CHECK_EQ(syscall(SYS_close_range, 30, 31, kUnshare), 0);
    CHECK(!is_open(30) && !is_open(31));
}

ABI_TEST(close_range_errors) {
    CHECK_EQ(dup2(1, 30), 30);
    CHECK_ERRNO(syscall(SYS_close_range, 31, 30, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_close_range, 30, 30, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_close_range, 30, 30, 8), EINVAL);
    CHECK(is_open(30));
}

ABI_TEST(dup3_flags_and_errors) {
    CHECK_EQ(syscall(SYS_dup3, 1, 40, O_CLOEXEC), 40);
    CHECK_EQ(fcntl(40, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_dup3, 1, 40, 0), 40);
    CHECK_EQ(fcntl(40, F_GETFD), 0);
    CHECK_ERRNO(syscall(SYS_dup3, 1, 1, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_dup3, 1, 40, O_NONBLOCK), EINVAL);
    CHECK_ERRNO(syscall(SYS_dup3, 99, 40, 0), EBADF);
    CHECK(is_open(40));
    const rlimit limit = {50, 50};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_ERRNO(syscall(SYS_dup3, 1, 50, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_dup2, 1, 50), EBADF);
    CHECK_ERRNO(fcntl(1, F_DUPFD, 50), EINVAL);
    CHECK_EQ(syscall(SYS_dup2, 1, 49), 49);
}

ABI_TEST(dup2_closes_what_was_there) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const int copy = dup(ends[1]);
    CHECK_EQ(close(ends[1]), 0);
    CHECK_EQ(syscall(SYS_dup2, 1, copy), copy);  // the last writer is gone by that
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 0);
    CHECK_ERRNO(syscall(SYS_dup2, 99, copy), EBADF);
    CHECK(is_open(copy));
}

ABI_TEST(pipe2_flags) {
    int ends[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(ends[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
    CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
    CHECK_EQ(fcntl(ends[0], F_GETFD), 0);
    CHECK_EQ(fcntl(ends[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
    char byte;
    CHECK_ERRNO(read(ends[0], &byte, 1), EAGAIN);
    CHECK_ERRNO(pipe2(ends, O_APPEND), EINVAL);
}

ABI_TEST(file_size_limit) {
    const int fd = make_file("file", "");
    const rlimit limit = {10, RLIM_INFINITY};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const int status = abi::status_of([&] {
        CHECK_EQ(write(fd, "0123456789ab", 12), 10);  // up to the limit
        (void)!write(fd, "c", 1);
    });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_ERRNO(write(fd, "c", 1), EFBIG);
    CHECK_ERRNO(ftruncate(fd, 11), EFBIG);
    CHECK_EQ(ftruncate(fd, 10), 0);
}

ABI_TEST(lseek_data_and_hole) {
    const int fd = make_file("file", "data");
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 4);
    CHECK_EQ(lseek(fd, 3, SEEK_DATA), 3);
    CHECK_ERRNO(lseek(fd, 4, SEEK_DATA), ENXIO);
    CHECK_ERRNO(lseek(fd, 4, SEEK_HOLE), ENXIO);
    CHECK_ERRNO(lseek(fd, -1, SEEK_DATA), ENXIO);
}

ABI_TEST(copy_file_range_moves_both_offsets) {
    const int in = make_file("in", "0123456789");
    const int out = make_file("out", "");
    CHECK_EQ(lseek(in, 2, SEEK_SET), 2);
    CHECK_EQ(syscall(SYS_copy_file_range, in, nullptr, out, nullptr, 3L, 0), 3);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 5);
    CHECK_EQ(lseek(out, 0, SEEK_CUR), 3);
    int64_t from = 8, to = 5;
    CHECK_EQ(syscall(SYS_copy_file_range, in, &from, out, &to, 100L, 0), 2);
    CHECK(from == 10 && to == 7);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 5);
    CHECK_EQ(syscall(SYS_copy_file_range, in, &from, out, &to, 100L, 0), 0);
    char text[16];
    CHECK_EQ(pread(out, text, sizeof text, 0), 7);
    CHECK(memcmp(text, "234\0\00089", 7) == 0);
    from = 0, to = 5;  // inside one file, where nothing overlaps
    CHECK_EQ(syscall(SYS_copy_file_range, in, &from, in, &to, 5L, 0), 5);
    CHECK(holds(in, "0123401234"));
}

ABI_TEST(copy_file_range_errors) {
    const int in = make_file("in", "0123456789");
    const int out = make_file("out", "");
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    int64_t from = 0, to = 3, before = -5;
    const auto copy = [](int a, int64_t* a_at, int b, int64_t* b_at, long count, int flags = 0) {
        return syscall(SYS_copy_file_range, a, a_at, b, b_at, count, flags);
    };
    CHECK_ERRNO(copy(99, nullptr, out, nullptr, 1), EBADF);
    CHECK_ERRNO(copy(in, nullptr, 99, nullptr, 1), EBADF);
    CHECK_ERRNO(copy(in, nullptr, open("out", O_RDONLY), nullptr, 1), EBADF);
    CHECK_ERRNO(copy(in, nullptr, open("out", O_WRONLY | O_APPEND), nullptr, 1), EBADF);
    CHECK_ERRNO(copy(in, &from, in, &to, 5), EINVAL);  // overlaps
    CHECK_ERRNO(copy(in, nullptr, out, nullptr, 1, 1), EINVAL);
    CHECK_ERRNO(copy(in, &before, out, nullptr, 1), EINVAL);
    CHECK_ERRNO(copy(ends[0], nullptr, out, nullptr, 1), EINVAL);
    CHECK_ERRNO(copy(in, nullptr, ends[1], nullptr, 1), EINVAL);
    CHECK_ERRNO(copy(open(".", O_RDONLY), nullptr, out, nullptr, 1), EISDIR);
    from = 1;
    CHECK_ERRNO(copy(in, &from, out, &to, -1), EOVERFLOW);
    CHECK_EQ(copy(in, &from, out, &to, INT64_MAX), 9);
}

ABI_TEST(preadv2_pwritev2_at_an_offset_or_not) {
    const int fd = make_file("file", "0123456789");
    char text[4];
    const iovec vector = {text, sizeof text};
    CHECK_EQ(syscall(SYS_preadv2, fd, &vector, 1, 2L, 0L, 0), 4);
    CHECK(memcmp(text, "2345", 4) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(syscall(SYS_preadv2, fd, &vector, 1, -1L, 0L, 0), 4);  // the file's own position
    CHECK_EQ(syscall(SYS_pwritev2, fd, &vector, 1, -1L, 0L, 0), 4);
    CHECK_EQ(syscall(SYS_pwritev2, fd, &vector, 1, 10L, 0L, 4), 4);
    CHECK(holds(fd, "01230123890123"));
}

ABI_TEST(preadv2_pwritev2_errors) {
    const int fd = make_file("file", "0123456789");
    char text[4];
    const iovec vector = {text, sizeof text};
    CHECK_ERRNO(syscall(SYS_preadv2, fd, &vector, 1, 0L, 0L, 0x40000000), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_pwritev2, fd, &vector, 1, 0L, 0L, 0x40000000), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_preadv2, fd, &vector, 1, -2L, 0L, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_pwritev2, fd, &vector, 1, -2L, 0L, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_preadv2, 99, &vector, 1, 0L, 0L, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_pwritev2, 99, &vector, 1, 0L, 0L, 0), EBADF);
}

ABI_TEST(advice_on_files) {
    const int fd = make_file("file", "0123456789");
    for (int advice = 0; advice <= 5; ++advice)
        CHECK_EQ(syscall(SYS_fadvise64, fd, 0L, 0L, advice), 0);
    CHECK_EQ(syscall(SYS_fadvise64, fd, 5L, 100L, 4), 0);
    CHECK_EQ(syscall(SYS_readahead, fd, 0L, 4096L), 0);
    CHECK(holds(fd, "0123456789"));
}

ABI_TEST(advice_errors) {
    const int fd = make_file("file", "0123456789");
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(syscall(SYS_fadvise64, fd, 0L, 0L, 6), EINVAL);
    CHECK_ERRNO(syscall(SYS_fadvise64, fd, 0L, -1L, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_fadvise64, ends[0], 0L, 0L, 0), ESPIPE);
    CHECK_ERRNO(syscall(SYS_fadvise64, 99, 0L, 0L, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_readahead, ends[0], 0L, 1L), EINVAL);
    CHECK_ERRNO(syscall(SYS_readahead, open("file", O_WRONLY), 0L, 1L), EBADF);
    CHECK_ERRNO(syscall(SYS_readahead, 99, 0L, 1L), EBADF);
}

namespace {

constexpr size_t kPage = 4096, kPipeBytes = 16 * kPage, kMapped = 10 * kPage;

/// Of 16 pages the first ten are there, none of them touched.
char* ten_of_sixteen_pages() {
    auto* at = static_cast<char*>(
        mmap(nullptr, kPipeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(at != MAP_FAILED);
    CHECK_EQ(munmap(at + kMapped, kPipeBytes - kMapped), 0);
    return at;
}

char letter_at(size_t i) {
    return static_cast<char>('a' + i % 23);
}

}  // namespace

ABI_TEST(a_pipe_takes_whole_pages_before_a_fault) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    char* const half = ten_of_sixteen_pages();
    for (size_t i = 0; i < kMapped; ++i) half[i] = letter_at(i);
    CHECK_EQ(write(ends[1], half, kPipeBytes), kMapped);
    static char got[kPipeBytes];
    CHECK_EQ(read(ends[0], got, sizeof got), kMapped);
    CHECK_EQ(memcmp(got, half, kMapped), 0);
    CHECK_EQ(write(ends[1], half + 100, kPipeBytes), kMapped - kPage);
    CHECK_EQ(read(ends[0], got, sizeof got), kMapped - kPage);
    CHECK_EQ(memcmp(got, half + 100, kMapped - kPage), 0);
    CHECK_ERRNO(write(ends[1], half + kMapped, kPipeBytes), EFAULT);
    CHECK_EQ(write(ends[1], "end", 3), 3);
    CHECK_EQ(read(ends[0], got, sizeof got), 3);
    CHECK_EQ(memcmp(got, "end", 3), 0);
}

ABI_TEST(a_pipe_gives_whole_pages_before_a_fault) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    static char sent[kPipeBytes], rest[kPipeBytes];
    for (size_t i = 0; i < kPipeBytes; ++i) sent[i] = letter_at(i);
    CHECK_EQ(write(ends[1], sent, kPipeBytes), kPipeBytes);
    char* const half = ten_of_sixteen_pages();
    CHECK_EQ(read(ends[0], half + 1, kPipeBytes), kMapped - kPage);
    CHECK_EQ(memcmp(half + 1, sent, kMapped - kPage), 0);
    CHECK_ERRNO(read(ends[0], half + kMapped - 1, kPipeBytes), EFAULT);
    CHECK_EQ(read(ends[0], rest, sizeof rest), kPipeBytes - kMapped + kPage);
    CHECK_EQ(memcmp(rest, sent + kMapped - kPage, kPipeBytes - kMapped + kPage), 0);
}
