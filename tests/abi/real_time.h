// For tests of real-time priorities: children that run on one CPU, and what the system says of
// them.
#pragma once

#include <sched.h>
#include <sys/mman.h>

#include "tests/abi/abi.h"

namespace abi {

// The libc's own functions of that name are not there.
inline void set_scheduler(pid_t pid, int policy, int priority) {
    CHECK_EQ(syscall(SYS_sched_setscheduler, pid, policy, &priority), 0);
}

inline long scheduler_of(pid_t pid) {
    return syscall(SYS_sched_getscheduler, pid);
}

/// On the first CPU that this process may use; children do as well.
inline void stay_on_one_cpu() {
    cpu_set_t all, one;
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    int first = 0;
    while (!CPU_ISSET(first, &all)) ++first;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

/// The `field`-th of /proc/PID/stat, counted from 1 as in proc(5); after the name's.
inline long stat_field(pid_t pid, int field) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    CHECK(got > 0);
    text[got] = 0;
    const char* at = strrchr(text, ')');
    for (int i = 2; i < field; ++i) at = strchr(at + 1, ' ');
    return field == 3 ? at[1] : strtol(at, nullptr, 10);
}
constexpr int kStateField = 3, kPriorityField = 18, kRealTimeField = 40, kPolicyField = 41;

inline void wait_until_asleep(pid_t pid) {
    while (stat_field(pid, kStateField) != 'S') usleep(1000);
}

/// Starts a child that runs `what` and ends well.
template <typename What>
pid_t start(What what) {
    fflush(stdout);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0) return pid;
    what();
    _exit(0);
}

inline void expect_good_end(pid_t pid) {
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/// Memory that parent and children share, zeroed.
template <typename T>
T* share() {
    void* const at =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return static_cast<T*>(at);
}

/// A door that is shut until it is opened, once.
struct Gate {
    int ends[2];
    Gate() { CHECK_EQ(pipe(ends), 0); }
    void open() const { CHECK_EQ(write(ends[1], "", 1), 1); }
    void pass() const {
        char byte;
        CHECK_EQ(read(ends[0], &byte, 1), 1);
    }
};

/// Who came in which order, for children that share it.
struct Order {
    char names[16];
    unsigned count;
    void note(char name) { names[__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST)] = name; }
};

}  // namespace abi
