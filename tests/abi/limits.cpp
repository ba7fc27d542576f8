// What bounds a process: setrlimit(2)'s limits of memory and of processes, and what /proc says and
// takes about running out of memory (proc(5)).
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/abi/abi.h"

namespace {

constexpr size_t kMiB = 1024 * 1024;
constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

void set_limit(int which, rlim_t bytes) {
    rlimit limit;
    CHECK_EQ(getrlimit(which, &limit), 0);
    limit.rlim_cur = bytes;
    CHECK_EQ(setrlimit(which, &limit), 0);
}

void* map(size_t bytes, int protection = PROT_READ | PROT_WRITE, int flags = kAnonymous) {
    return mmap(nullptr, bytes, protection, flags, -1, 0);
}

/// As a user without privileges whom nobody else runs as.
bool become_nobody(uid_t uid) {
    if (geteuid() == 0) CHECK_EQ(setresuid(uid, uid, uid), 0);
    return geteuid() == uid;
}

/// Uses about `bytes` of stack, a page a step. Each step needs the page of the one above
/// afterwards, so that no compiler makes a loop of it.
[[gnu::noinline]] char use_stack(size_t bytes, volatile char* above = nullptr) {
    volatile char page[4096];
    page[0] = 1;
    if (bytes > sizeof page) page[1] = use_stack(bytes - sizeof page, page);
    if (above != nullptr) above[2] = page[0];
    return page[0];
}

/// The decimal number that a file holds.
long read_number(const char* path) {
    char text[32] = {};
    const int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return atol(text);
}

/// 0 or the error of writing `text`.
int write_text(const char* path, const char* text) {
    const int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0) return errno;
    const ssize_t length = static_cast<ssize_t>(strlen(text));
    const int error = write(fd, text, strlen(text)) == length ? 0 : errno;
    close(fd);
    return error;
}

constexpr const char* kAdjust = "/proc/self/oom_score_adj";

}  // namespace

ABI_TEST(RLIMIT_AS_stops_a_hog) {
    set_limit(RLIMIT_AS, 64 * kMiB);
    size_t got = 0;
    for (;;) {
        void* const piece = map(kMiB);
        if (piece == MAP_FAILED) break;
        memset(piece, 1, kMiB);
        got += kMiB;
        CHECK(got <= 64 * kMiB);
    }
    CHECK_EQ(errno, ENOMEM);
    CHECK(got >= 32 * kMiB);
    CHECK_ERRNO(reinterpret_cast<intptr_t>(map(kMiB, PROT_NONE)), ENOMEM);
}

ABI_TEST(RLIMIT_AS_bounds_brk_and_mremap) {
    void* const piece = map(kMiB);
    CHECK(piece != MAP_FAILED);
    set_limit(RLIMIT_AS, 0);
    CHECK_ERRNO(reinterpret_cast<intptr_t>(mremap(piece, kMiB, 2 * kMiB, MREMAP_MAYMOVE)), ENOMEM);
    const long now = syscall(SYS_brk, 0);
    CHECK_EQ(syscall(SYS_brk, now + static_cast<long>(kMiB)), now);
    CHECK_EQ(munmap(piece, kMiB), 0);
}

ABI_TEST(RLIMIT_DATA_bounds_what_is_private_and_writable) {
    set_limit(RLIMIT_DATA, 8 * kMiB);
    CHECK_ERRNO(reinterpret_cast<intptr_t>(map(16 * kMiB)), ENOMEM);
    void* const readable = map(16 * kMiB, PROT_READ);
    CHECK(readable != MAP_FAILED);
    CHECK(map(16 * kMiB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS) != MAP_FAILED);
    CHECK_ERRNO(mprotect(readable, 16 * kMiB, PROT_READ | PROT_WRITE), ENOMEM);
    CHECK_EQ(mprotect(readable, kMiB, PROT_READ | PROT_WRITE), 0);
    const long now = syscall(SYS_brk, 0);
    CHECK_EQ(syscall(SYS_brk, now + static_cast<long>(16 * kMiB)), now);
    CHECK(map(kMiB) != MAP_FAILED);
}

ABI_TEST(RLIMIT_DATA_is_inherited_and_can_be_raised) {
    set_limit(RLIMIT_DATA, 4 * kMiB);
    const int status = abi::status_of([] {
        CHECK_ERRNO(reinterpret_cast<intptr_t>(map(8 * kMiB)), ENOMEM);
        set_limit(RLIMIT_DATA, RLIM_INFINITY);
        CHECK(map(8 * kMiB) != MAP_FAILED);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(RLIMIT_STACK_bounds_growth) {
    const int within = abi::status_of([] {
        set_limit(RLIMIT_STACK, 2 * kMiB);
        use_stack(kMiB);
    });
    CHECK_EQ(within, 0);
    const int beyond = abi::status_of([] {
        const rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        set_limit(RLIMIT_STACK, kMiB);
        use_stack(3 * kMiB);
    });
    CHECK(WIFSIGNALED(beyond));
    CHECK_EQ(WTERMSIG(beyond), SIGSEGV);
}

ABI_TEST(RLIMIT_STACK_can_be_raised_while_running) {
    const int status = abi::status_of([] {
        set_limit(RLIMIT_STACK, 12 * kMiB);
        use_stack(10 * kMiB);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(RLIMIT_NPROC_stops_a_fork_bomb) {
    const int status = abi::status_of([] {
        if (!become_nobody(47113)) return;
        set_limit(RLIMIT_NPROC, 12);
        int children = 0;
        for (;;) {
            const pid_t child = fork();
            if (child < 0) break;
            if (child == 0) {
                pause();
                _exit(0);
            }
            CHECK(++children < 12);
        }
        CHECK_EQ(errno, EAGAIN);
        CHECK_EQ(children, 11);
        signal(SIGTERM, SIG_IGN);
        CHECK_EQ(kill(-1, SIGTERM), 0);
        while (wait(nullptr) > 0) {
        }
        // Who was waited for does not count any more.
        const int again = abi::status_of([] {});
        CHECK_EQ(again, 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(oom_score_adj_is_read_and_written) {
    const long before = read_number(kAdjust);
    CHECK_EQ(write_text(kAdjust, "500"), 0);
    CHECK_EQ(read_number(kAdjust), 500);
    CHECK_EQ(write_text(kAdjust, "  600\n"), 0);
    CHECK_EQ(read_number(kAdjust), 600);
    CHECK_EQ(write_text(kAdjust, "1001"), EINVAL);
    CHECK_EQ(write_text(kAdjust, "-1001"), EINVAL);
    CHECK_EQ(write_text(kAdjust, "much"), EINVAL);
    CHECK_EQ(read_number(kAdjust), 600);
    const int status = abi::status_of([] { CHECK_EQ(read_number(kAdjust), 600); });
    CHECK_EQ(status, 0);
    CHECK(before >= -1000 && before <= 1000);
}

ABI_TEST(oom_score_adj_is_not_lowered_without_privilege) {
    const int status = abi::status_of([] {
        if (!become_nobody(47114)) return;
        // Such a process's files may be root's (PR_SET_DUMPABLE): then there is nothing to try.
        const int fd = open(kAdjust, O_WRONLY);
        if (fd < 0) return;
        close(fd);
        CHECK_EQ(write_text(kAdjust, "900"), 0);
        CHECK_EQ(write_text(kAdjust, "-900"), EACCES);
        CHECK_EQ(read_number(kAdjust), 900);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(oom_score_follows_memory_and_adjustment) {
    CHECK_EQ(write_text(kAdjust, "100"), 0);
    const long little = read_number("/proc/self/oom_score");
    CHECK_EQ(write_text(kAdjust, "900"), 0);
    const long much = read_number("/proc/self/oom_score");
    CHECK(much > little + 400);
    CHECK(much <= 2000);
}
