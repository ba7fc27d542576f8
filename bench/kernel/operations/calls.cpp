// Calls that touch nothing but the process, or one byte.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

constexpr int kBatch = 4'000;

/// The call itself, without what libc does around it.
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

template <long kNumber, std::uint64_t kArgument = 0>
void call_only(int times) {
    for (int i = 0; i < times; ++i) call(kNumber, kArgument);
}

int fd;
char byte;

void open_zero() {
    fd = open("/dev/zero", O_RDONLY);
    require(fd >= 0, "/dev/zero");
}

void open_null() {
    fd = open("/dev/null", O_WRONLY);
    require(fd >= 0, "/dev/null");
}

void close_fd() {
    close(fd);
}

void read_byte(int times) {
    for (int i = 0; i < times; ++i) require(read(fd, &byte, 1) == 1, "read");
}

void write_byte(int times) {
    for (int i = 0; i < times; ++i) require(write(fd, &byte, 1) == 1, "write");
}

void seek(int times) {
    for (int i = 0; i < times; ++i) lseek(fd, 0, SEEK_CUR);
}

/// By libc: the vDSO where its clock is good enough, else the call.
void clock_by_libc(int times) {
    timespec now;
    for (int i = 0; i < times; ++i) clock_gettime(CLOCK_MONOTONIC, &now);
}

void clock_by_call(int times) {
    timespec now;
    for (int i = 0; i < times; ++i) {
        call(SYS_clock_gettime, CLOCK_MONOTONIC, reinterpret_cast<std::uint64_t>(&now));
    }
}

volatile int taken;

void catch_signal() {
    struct sigaction action = {};
    action.sa_handler = [](int) { taken = taken + 1; };
    require(sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction");
}

/// To itself: sending, delivery, the handler and its return.
void signal_itself(int times) {
    taken = 0;
    const pid_t self = getpid();
    for (int i = 0; i < times; ++i) kill(self, SIGUSR1);
    require(taken == times, "signals");
}

constexpr Operation kCalls[] = {
    {"getpid", call_only<SYS_getpid>, kBatch},
    {"gettid", call_only<SYS_gettid>, kBatch},
    {"getppid", call_only<SYS_getppid>, kBatch},
    {"getuid", call_only<SYS_getuid>, kBatch},
    {"umask", call_only<SYS_umask, 022>, kBatch},
    {"no such call", call_only<1000>, kBatch},
    {"clock_gettime", clock_by_libc, kBatch},
    {"clock_gettime, by the call", clock_by_call, kBatch},
    {"sched_yield, alone", call_only<SYS_sched_yield>, kBatch},
    {"lseek", seek, kBatch, open_zero, close_fd},
    {"read 1 byte of /dev/zero", read_byte, kBatch, open_zero, close_fd},
    {"write 1 byte to /dev/null", write_byte, kBatch, open_null, close_fd},
    {"signal to itself, handler and return", signal_itself, 500, catch_signal},
};

}  // namespace

std::span<const Operation> calls() {
    return kCalls;
}

}  // namespace bench
