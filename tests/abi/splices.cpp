// splice(2), tee(2), vmsplice(2).
#include <sys/uio.h>

#include "tests/abi/abi.h"

namespace {

struct Pipe {
    Pipe() { CHECK_EQ(pipe(ends), 0); }
    int ends[2];
    int out() const { return ends[0]; }
    int in() const { return ends[1]; }
    void expect(const char* text) const {
        char got[64] = {};
        CHECK_EQ(read(out(), got, sizeof got), strlen(text));
        CHECK_EQ(strcmp(got, text), 0);
    }
};

long splice_all(int from, loff_t* from_at, int to, loff_t* to_at, size_t count,
                unsigned flags = 0) {
    return syscall(SYS_splice, from, from_at, to, to_at, count, flags);
}
long tee_all(int from, int to, size_t count, unsigned flags = 0) {
    return syscall(SYS_tee, from, to, count, flags);
}
long vmsplice_all(int fd, const iovec* ranges, unsigned long count, unsigned flags = 0) {
    return syscall(SYS_vmsplice, fd, ranges, count, flags);
}

constexpr unsigned kNonBlock = 2;

}  // namespace

ABI_TEST(a_file_is_spliced_into_a_pipe) {
    const Pipe pipe;
    const int file = abi::make_file("file", "0123456789");
    CHECK_EQ(splice_all(file, nullptr, pipe.in(), nullptr, 4), 4);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 4);
    loff_t at = 6;
    CHECK_EQ(splice_all(file, &at, pipe.in(), nullptr, 100), 4);
    CHECK_EQ(at, 10);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 4);
    pipe.expect("01236789");
    CHECK_EQ(splice_all(file, &at, pipe.in(), nullptr, 100), 0);
}

ABI_TEST(a_pipe_is_spliced_into_a_file) {
    const Pipe pipe;
    const int file = abi::make_file("file", "0123456789");
    CHECK_EQ(write(pipe.in(), "abcd", 4), 4);
    loff_t at = 2;
    CHECK_EQ(splice_all(pipe.out(), nullptr, file, &at, 3), 3);
    CHECK_EQ(at, 5);
    CHECK_EQ(splice_all(pipe.out(), nullptr, file, nullptr, 3), 1);  // what there is
    char text[16] = {};
    CHECK_EQ(pread(file, text, sizeof text, 0), 10);
    CHECK_EQ(strcmp(text, "d1abc56789"), 0);
}

ABI_TEST(a_pipe_is_spliced_into_a_pipe) {
    const Pipe from, to;
    CHECK_EQ(write(from.in(), "abcdef", 6), 6);
    CHECK_EQ(splice_all(from.out(), nullptr, to.in(), nullptr, 4), 4);
    to.expect("abcd");
    from.expect("ef");
}

ABI_TEST(much_is_spliced_in_pieces) {
    const Pipe pipe;
    const int file = abi::make_file("file", "");
    CHECK_EQ(ftruncate(file, 300'000), 0);
    const int target = abi::make_file("target", "");
    const pid_t pid = fork();
    if (pid == 0) {
        close(pipe.out());
        long done = 0;
        while (done < 300'000) {
            const long n = splice_all(file, nullptr, pipe.in(), nullptr, 300'000);
            if (n <= 0) _exit(1);
            done += n;
        }
        _exit(0);
    }
    close(pipe.in());
    long done = 0;
    for (;;) {
        const long n = splice_all(pipe.out(), nullptr, target, nullptr, 1 << 20);
        CHECK(n >= 0);
        if (n == 0) break;
        done += n;
    }
    CHECK_EQ(done, 300'000);
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

ABI_TEST(splice_waits_or_says_that_it_would) {
    const Pipe pipe, other;
    const int file = abi::make_file("file", "x");
    CHECK_ERRNO(splice_all(pipe.out(), nullptr, file, nullptr, 1, kNonBlock), EAGAIN);
    CHECK_EQ(fcntl(pipe.in(), F_SETFL, O_NONBLOCK), 0);
    static char block[65536];
    CHECK_EQ(write(pipe.in(), block, sizeof block), sizeof block);
    CHECK_ERRNO(splice_all(file, nullptr, pipe.in(), nullptr, 1, kNonBlock), EAGAIN);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 0);
    close(other.in());
    CHECK_EQ(splice_all(other.out(), nullptr, file, nullptr, 1), 0);  // the end
}

ABI_TEST(splice_into_a_pipe_without_readers_is_a_broken_pipe) {
    const Pipe pipe;
    const int file = abi::make_file("file", "x");
    close(pipe.out());
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(splice_all(file, nullptr, pipe.in(), nullptr, 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    const int status = abi::status_of([&] { splice_all(file, nullptr, pipe.in(), nullptr, 1); });
    CHECK_EQ(status, SIGPIPE);
}

ABI_TEST(splice_refuses) {
    const Pipe pipe;
    const int file = abi::make_file("file", "x");
    const int other = abi::make_file("other", "");
    loff_t at = 0;
    CHECK_ERRNO(splice_all(file, nullptr, other, nullptr, 1), EINVAL);  // no pipe
    CHECK_ERRNO(splice_all(file, nullptr, pipe.in(), &at, 1), ESPIPE);
    CHECK_ERRNO(splice_all(pipe.out(), nullptr, pipe.in(), nullptr, 1), EINVAL);  // the same
    CHECK_ERRNO(splice_all(file, nullptr, pipe.in(), nullptr, 1, 1 << 10), EINVAL);
    CHECK_ERRNO(splice_all(pipe.in(), nullptr, file, nullptr, 1), EBADF);
    CHECK_ERRNO(splice_all(99, nullptr, pipe.in(), nullptr, 1), EBADF);
    CHECK_EQ(splice_all(file, nullptr, pipe.in(), nullptr, 0), 0);
    const int append = open("other", O_WRONLY | O_APPEND);
    CHECK_EQ(write(pipe.in(), "x", 1), 1);
    CHECK_ERRNO(splice_all(pipe.out(), nullptr, append, nullptr, 1), EINVAL);
}

ABI_TEST(tee_leaves_what_it_copies) {
    const Pipe from, to;
    CHECK_EQ(write(from.in(), "abc", 3), 3);
    CHECK_EQ(tee_all(from.out(), to.in(), 100), 3);
    to.expect("abc");
    CHECK_EQ(tee_all(from.out(), to.in(), 2), 2);
    to.expect("ab");
    from.expect("abc");
}

ABI_TEST(tee_refuses) {
    const Pipe from, to;
    const int file = abi::make_file("file", "x");
    CHECK_ERRNO(tee_all(file, to.in(), 1), EINVAL);
    CHECK_ERRNO(tee_all(from.out(), from.in(), 1), EINVAL);
    CHECK_ERRNO(tee_all(from.out(), to.in(), 1, kNonBlock), EAGAIN);
    CHECK_ERRNO(tee_all(from.out(), to.in(), 1, 1 << 10), EINVAL);
    CHECK_ERRNO(tee_all(from.in(), to.in(), 1), EBADF);
    close(from.in());
    CHECK_EQ(tee_all(from.out(), to.in(), 1), 0);
}

ABI_TEST(vmsplice_writes_and_reads_memory) {
    const Pipe pipe;
    char first[] = "abc", second[] = "def";
    const iovec ranges[] = {{first, 3}, {second, 3}};
    CHECK_EQ(vmsplice_all(pipe.in(), ranges, 2), 6);
    char got[8] = {};
    const iovec target = {got, sizeof got};
    CHECK_EQ(vmsplice_all(pipe.out(), &target, 1), 6);
    CHECK_EQ(strcmp(got, "abcdef"), 0);
}

ABI_TEST(vmsplice_refuses) {
    const Pipe pipe;
    char byte = 'x';
    const iovec range = {&byte, 1};
    CHECK_ERRNO(vmsplice_all(abi::make_file("file", "x"), &range, 1), EBADF);
    CHECK_ERRNO(vmsplice_all(pipe.in(), &range, 1, 1 << 10), EINVAL);
    CHECK_ERRNO(vmsplice_all(99, &range, 1), EBADF);
    CHECK_EQ(vmsplice_all(pipe.in(), &range, 0), 0);
}
