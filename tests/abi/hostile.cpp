// What a hostile or broken program does: wild pointers in every call that takes one, calls that do
// not exist, fork bombs and more under limits. The kernel answers as Linux does, and goes on.
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/abi/abi.h"

namespace {

// Not mapped, in the kernel's half, not canonical, and the last bytes of the lower half.
constexpr long kWild[] = {0x1000, static_cast<long>(0xffff800000000000),
                          static_cast<long>(0xffffffff80000000), 0x0100000000000000,
                          0x7ffffffffff0};

constexpr long kCwd = AT_FDCWD;

struct Call {
    const char* name;
    long number;
    int pointer;  ///< which argument is the wild pointer
    long arguments[6];
};

// The other arguments are right, so that the pointer is all there is to complain of. 3 and 4 are
// the ends of a pipe with bytes in it, 5 a file, 6 a directory.
const Call kCalls[] = {
    {"read", SYS_read, 1, {5, 0, 16}},
    {"read pipe", SYS_read, 1, {3, 0, 16}},
    {"write", SYS_write, 1, {5, 0, 16}},
    {"write pipe", SYS_write, 1, {4, 0, 16}},
    {"pread64", SYS_pread64, 1, {5, 0, 16, 0}},
    {"pwrite64", SYS_pwrite64, 1, {5, 0, 16, 0}},
    {"readv", SYS_readv, 1, {5, 0, 1}},
    {"writev", SYS_writev, 1, {5, 0, 1}},
    {"open", SYS_open, 0, {0, O_RDONLY}},
    {"openat", SYS_openat, 1, {kCwd, 0, O_RDONLY}},
    {"stat", SYS_stat, 0, {0, 0}},
    {"fstat", SYS_fstat, 1, {5, 0}},
    {"newfstatat", SYS_newfstatat, 1, {kCwd, 0, 0, 0}},
    {"access", SYS_access, 0, {0, F_OK}},
    {"getdents64", SYS_getdents64, 1, {6, 0, 1024}},
    {"pipe", SYS_pipe, 0, {0}},
    {"pipe2", SYS_pipe2, 0, {0, 0}},
    {"poll", SYS_poll, 0, {0, 1, 0}},
    {"select", SYS_select, 1, {8, 0, 0, 0, 0}},
    {"getcwd", SYS_getcwd, 0, {0, 4096}},
    {"chdir", SYS_chdir, 0, {0}},
    {"mkdir", SYS_mkdir, 0, {0, 0755}},
    {"rmdir", SYS_rmdir, 0, {0}},
    {"unlink", SYS_unlink, 0, {0}},
    {"rename", SYS_rename, 0, {0, 0}},
    {"link", SYS_link, 0, {0, 0}},
    {"symlink", SYS_symlink, 0, {0, 0}},
    {"readlink", SYS_readlink, 0, {0, 0, 16}},
    {"chmod", SYS_chmod, 0, {0, 0644}},
    {"chown", SYS_chown, 0, {0, 0, 0}},
    {"truncate", SYS_truncate, 0, {0, 0}},
    {"rt_sigaction in", SYS_rt_sigaction, 1, {SIGUSR1, 0, 0, 8}},
    {"rt_sigaction out", SYS_rt_sigaction, 2, {SIGUSR1, 0, 0, 8}},
    {"rt_sigprocmask in", SYS_rt_sigprocmask, 1, {SIG_BLOCK, 0, 0, 8}},
    {"rt_sigprocmask out", SYS_rt_sigprocmask, 2, {SIG_BLOCK, 0, 0, 8}},
    {"rt_sigpending", SYS_rt_sigpending, 0, {0, 8}},
    {"rt_sigsuspend", SYS_rt_sigsuspend, 0, {0, 8}},
    {"sigaltstack", SYS_sigaltstack, 0, {0, 0}},
    {"nanosleep", SYS_nanosleep, 0, {0, 0}},
    {"clock_gettime", SYS_clock_gettime, 1, {0, 0}},
    {"clock_getres", SYS_clock_getres, 1, {0, 0}},
    {"gettimeofday", SYS_gettimeofday, 0, {0, 0}},
    {"getitimer", SYS_getitimer, 1, {0, 0}},
    {"setitimer", SYS_setitimer, 1, {0, 0, 0}},
    {"uname", SYS_uname, 0, {0}},
    {"getrlimit", SYS_getrlimit, 1, {RLIMIT_NOFILE, 0}},
    {"setrlimit", SYS_setrlimit, 1, {RLIMIT_NOFILE, 0}},
    {"prlimit64", SYS_prlimit64, 3, {0, RLIMIT_NOFILE, 0, 0}},
    {"getrusage", SYS_getrusage, 1, {0, 0}},
    {"sysinfo", SYS_sysinfo, 0, {0}},
    {"times", SYS_times, 0, {0}},
    {"getgroups", SYS_getgroups, 1, {1, 0}},
    {"getresuid", SYS_getresuid, 0, {0, 0, 0}},
    {"getrandom", SYS_getrandom, 0, {0, 16, 0}},
    {"execve", SYS_execve, 0, {0, 0, 0}},
    {"futex", SYS_futex, 0, {0, 0, 0, 0, 0, 0}},
    {"statfs", SYS_statfs, 0, {0, 0}},
};

}  // namespace

ABI_TEST(wild_pointers_give_efault) {
    for (int fd = 3; fd < 20; ++fd) close(fd);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "0123456789abcdef", 16), 16);
    CHECK_EQ(abi::make_file("file", "0123456789abcdef"), 5);
    CHECK_EQ(open(".", O_RDONLY | O_DIRECTORY), 6);
    int wrong = 0;
    for (const Call& call : kCalls) {
        for (const long wild : kWild) {
            long a[6];
            memcpy(a, call.arguments, sizeof a);
            a[call.pointer] = wild;
            lseek(5, 0, SEEK_SET);
            errno = 0;
            const long result = syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
            // getgroups of a process without groups writes nothing.
            if (call.number == SYS_getgroups && result == 0) continue;
            if (result == -1 && errno == EFAULT) continue;
            printf("  %s with %#lx: %ld, errno %d\n", call.name, static_cast<unsigned long>(wild),
                   result, result == -1 ? errno : 0);
            ++wrong;
        }
    }
    fflush(stdout);
    CHECK_EQ(wrong, 0);
}

ABI_TEST(wild_pointers_inside_structures) {
    const int fd = abi::make_file("file", "0123456789abcdef");
    char good[4];
    struct {
        const void* base;
        size_t size;
    } vector[] = {{good, 4}, {reinterpret_cast<void*>(0x1000), 4}};
    CHECK_EQ(syscall(SYS_readv, fd, vector, 2), 4);  // what came before the bad one counts
    vector[0].base = reinterpret_cast<void*>(0x1000);
    CHECK_ERRNO(syscall(SYS_readv, fd, vector, 2), EFAULT);
    vector[0].size = SIZE_MAX;
    CHECK_ERRNO(syscall(SYS_readv, fd, vector, 2), EINVAL);
    const char* words[] = {reinterpret_cast<const char*>(0x1000), nullptr};
    CHECK_ERRNO(syscall(SYS_execve, abi::program, words, nullptr), EFAULT);
}

ABI_TEST(reads_that_end_in_a_hole) {
    char* memory = static_cast<char*>(
        mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_EQ(munmap(memory + 4096, 4096), 0);
    const int fd = abi::make_file("file", "0123456789abcdef");
    const long got = read(fd, memory + 4096 - 4, 16);
    CHECK(got == 4 || (got == -1 && errno == EFAULT));
    memcpy(memory + 4096 - 4, "path", 4);
    CHECK_ERRNO(syscall(SYS_open, memory + 4096 - 4, O_RDONLY), EFAULT);
}

ABI_TEST(unknown_calls) {
    for (const long number : {600L, 1000L, 4096L, 0x7fffffffL, -1L, -2L, INT64_MAX, 0x80000000L,
                              0x40000000L | 999L, INT64_MIN | 600L}) {
        CHECK_ERRNO(syscall(number, 1, 2, 3, 4, 5, 6), ENOSYS);
    }
}

// The number is in eax: what is above it does not count.
ABI_TEST(call_numbers_have_32_bits) {
    CHECK_EQ(syscall(0x1'0000'0000L | SYS_getpid), getpid());
    CHECK_EQ(syscall(INT64_MIN | SYS_getpid), getpid());
}

// Calls of the x32 ABI, which is Linux's to have or not.
ABI_TEST(x32_calls_are_another_abi) {
    errno = 0;
    const long told = syscall(0x40000000L | SYS_getpid);
    CHECK(told == getpid() || (told == -1 && errno == ENOSYS));
}

// 32-bit calls from a 64-bit program: a kernel has them, or kills who makes one. Others go on.
ABI_TEST(interrupt_0x80) {
    for (const long number : {20L, -1L, 0x7fffffffL, 600L}) {
        const int status = abi::status_of([=] {
            long result = number;
            asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
            CHECK(number == 20 ? result == getpid() : result == -ENOSYS);
        });
        CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
    }
}

// Instructions that are the kernel's, and gates that are not for programs.
ABI_TEST(privileged_instructions_are_faults) {
    using Instruction = void (*)();
    constexpr Instruction kForbidden[] = {
        [] { asm volatile("hlt"); },
        [] { asm volatile("cli"); },
        [] { asm volatile("outb %al, $0x80"); },
        [] {
            asm volatile("mov %%cr3, %%rax" ::: "rax");
        },
        [] { asm volatile("wrmsr"); },
        [] { asm volatile("swapgs"); },
        [] { asm volatile("int $0x20"); },
        [] { asm volatile("int $0xff"); },
        [] { asm volatile("lidt (%rsp)"); },
    };
    for (const Instruction& each : kForbidden) {
        const int status = abi::status_of(each);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGSEGV);
    }
}

ABI_TEST(fork_bomb_under_a_limit) {
    const int status = abi::status_of([] {
        const rlimit limit = {30, 30};
        CHECK_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
        // An owner of its own: the limit counts all his processes, those an earlier run left too.
        const auto owner = static_cast<uid_t>(100000 + getpid());
        CHECK_EQ(setgid(owner), 0);
        CHECK_EQ(setuid(owner), 0);
        int children = 0;
        for (;;) {
            const pid_t child = fork();
            if (child < 0) break;
            if (child == 0) {
                for (;;) pause();
            }
            CHECK(++children < 40);
        }
        CHECK_EQ(errno, EAGAIN);
        CHECK_EQ(children, 29);
        kill(0, SIGKILL);  // the group, which is the test's: all but who is still root
    });
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

ABI_TEST(deep_process_chain) {
    int depth = 0;
    for (; depth < 50; ++depth) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) continue;
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        if (depth > 0) _exit(WEXITSTATUS(status));
        CHECK_EQ(WEXITSTATUS(status), 50);
        return;
    }
    _exit(50);
}

ABI_TEST(too_many_arguments) {
    static char big[200'000];
    memset(big, 'a', sizeof big - 1);  // more than MAX_ARG_STRLEN
    char* words[] = {big, nullptr};
    CHECK_ERRNO(syscall(SYS_execve, abi::program, words, nullptr), E2BIG);
    static char* many[200'001];
    static char word[100] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    for (int i = 0; i < 200'000; ++i) many[i] = word;
    CHECK_ERRNO(syscall(SYS_execve, abi::program, many, nullptr), E2BIG);
}

ABI_TEST(registers_are_kept_by_a_call) {
    unsigned long out[7];
    asm volatile(
        "movq $0x1111, %%rbx; movq $0x2222, %%r12; movq $0x3333, %%r13; movq $0x4444, %%r14\n"
        "movq $0x5555, %%rdx; movq $0x6666, %%r9; movq $0x7777, %%r10\n"
        "movl %[call], %%eax; syscall\n"
        "movq %%rbx, 0(%[out]); movq %%r12, 8(%[out]); movq %%r13, 16(%[out]); movq %%r14, "
        "24(%[out])\n"
        "movq %%rdx, 32(%[out]); movq %%r9, 40(%[out]); movq %%r10, 48(%[out])\n"
        :
        : [out] "D"(out), [call] "i"(SYS_getppid)
        : "rax", "rbx", "rcx", "rdx", "r9", "r10", "r11", "r12", "r13", "r14", "memory");
    for (unsigned long i = 0; i < 7; ++i) CHECK_EQ(out[i], 0x1111 * (i + 1));
}
