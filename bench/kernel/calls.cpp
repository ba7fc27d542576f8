// What a system call costs, as the program sees it: ticks of the TSC, which under QEMU's -icount
// shift=0 are instructions. The same binary runs in Exo-OS and in Linux (bench/kernel/calls.py).
// A line for each row: "name ticks", per call, the loop around it subtracted; the smallest of
// kRounds rounds.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace {

constexpr int kCalls = 10'000;
constexpr int kRounds = 5;

int zero_fd, null_fd, pipe_fds[2];
char byte;
timespec now;

template <typename... Arguments>
long call(long number, Arguments... arguments) {
    const std::uint64_t a[] = {static_cast<std::uint64_t>(arguments)..., 0, 0, 0};
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2])
                 : "rcx", "r11", "memory");
    return result;
}

std::uint64_t address(void* at) {
    return reinterpret_cast<std::uint64_t>(at);
}

std::uint64_t ticks() {
    return __builtin_ia32_rdtsc();
}

struct Row {
    const char* name;
    void (*run)();
};

constexpr Row kRows[] = {
    {"getpid", [] { call(SYS_getpid); }},
    {"gettid", [] { call(SYS_gettid); }},
    {"getppid", [] { call(SYS_getppid); }},
    {"getuid", [] { call(SYS_getuid); }},
    {"geteuid", [] { call(SYS_geteuid); }},
    {"getpgrp", [] { call(SYS_getpgrp); }},
    {"umask", [] { call(SYS_umask, 022); }},
    {"no such call", [] { call(1000); }},
    {"clock_gettime", [] { call(SYS_clock_gettime, CLOCK_MONOTONIC, address(&now)); }},
    {"sched_yield", [] { call(SYS_sched_yield); }},
    {"lseek", [] { call(SYS_lseek, zero_fd, 0, SEEK_CUR); }},
    {"read 1 byte of zero", [] { call(SYS_read, zero_fd, address(&byte), 1); }},
    {"write 1 byte to null", [] { call(SYS_write, null_fd, address(&byte), 1); }},
    {"write + read 1 byte, pipe",
     [] {
         call(SYS_write, pipe_fds[1], address(&byte), 1);
         call(SYS_read, pipe_fds[0], address(&byte), 1);
     }},
};

/// Ticks of kCalls turns of `run`, the best of some rounds.
std::uint64_t measure(void (*run)()) {
    std::uint64_t best = ~std::uint64_t{0};
    for (int round = 0; round < kRounds; ++round) {
        const std::uint64_t begin = ticks();
        for (int i = 0; i < kCalls; ++i) run();
        const std::uint64_t took = ticks() - begin;
        if (took < best) best = took;
    }
    return best;
}

}  // namespace

int main() {
    zero_fd = open("/dev/zero", O_RDONLY);
    null_fd = open("/dev/null", O_WRONLY);
    if (zero_fd < 0 || null_fd < 0 || pipe(pipe_fds) != 0) {
        perror("calls");
        return 1;
    }
    const std::uint64_t loop = measure([] { asm volatile(""); });
    for (const Row& row : kRows) {
        const std::uint64_t took = measure(row.run) - loop;
        printf("%s\t%llu.%02llu\n", row.name, static_cast<unsigned long long>(took / kCalls),
               static_cast<unsigned long long>(took % kCalls * 100 / kCalls));
    }
    return 0;
}
