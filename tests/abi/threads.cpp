// Threads by clone, futexes, and the FPU and SIMD registers of programs that run side by side.
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

// linux/futex.h
constexpr int FUTEX_WAIT = 0, FUTEX_WAKE = 1;

long futex(const int* word, int operation, int value, const timespec* timeout = nullptr) {
    return syscall(SYS_futex, word, operation, value, timeout, nullptr, 0);
}

bool has_avx() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    __get_cpuid(1, &a, &b, &c, &d);
    return (c & (1U << 27)) != 0 && (c & (1U << 28)) != 0;
}

/// Fills ymm0 to ymm15 with patterns of `seed`, spends a while, and looks. False: one has changed.
[[gnu::target("avx")]] bool ymm_kept(unsigned seed, bool yield) {
    alignas(32) static thread_local unsigned in[16][8], out[16][8];
    for (unsigned r = 0; r < 16; ++r) {
        for (unsigned i = 0; i < 8; ++i) in[r][i] = seed * 0x9e3779b9U + r * 8 + i;
    }
    const long call = yield ? SYS_sched_yield : SYS_getppid;
    asm volatile(
        ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqa 32*\\r(%[in]), %%ymm\\r\n"
        ".endr\n"
        "movl $20000, %%r8d\n"
        "1: decl %%r8d\n"
        "jnz 1b\n"
        "movq %[call], %%rax\n"
        "syscall\n"
        ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqa %%ymm\\r, 32*\\r(%[out])\n"
        ".endr\n"
        :
        : [in] "r"(in), [out] "r"(out), [call] "r"(call)
        : "rax", "rcx", "r8", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
          "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return memcmp(in, out, sizeof in) == 0;
}

}  // namespace

ABI_TEST(threads_share_memory_and_join) {
    static int values[8];
    pthread_t threads[8];
    for (long i = 0; i < 8; ++i) {
        CHECK_EQ(pthread_create(
                     &threads[i], nullptr,
                     [](void* argument) -> void* {
                         values[reinterpret_cast<long>(argument)] = gettid() != getpid() ? 1 : 0;
                         return argument;
                     },
                     reinterpret_cast<void*>(i)),
                 0);
    }
    for (long i = 0; i < 8; ++i) {
        void* result;
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        CHECK_EQ(reinterpret_cast<long>(result), i);
        CHECK_EQ(values[i], 1);
    }
}

ABI_TEST(mutex_excludes) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static long counter;
    pthread_t threads[4];
    for (auto& thread : threads) {
        pthread_create(
            &thread, nullptr,
            [](void*) -> void* {
                for (int i = 0; i < 20'000; ++i) {
                    pthread_mutex_lock(&mutex);
                    counter = counter + 1;
                    pthread_mutex_unlock(&mutex);
                }
                return nullptr;
            },
            nullptr);
    }
    for (const auto& thread : threads) pthread_join(thread, nullptr);
    CHECK_EQ(counter, 80'000);
}

ABI_TEST(condition_variable_ping_pong) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    static int turn;
    const auto player = [](void* argument) -> void* {
        const long own = reinterpret_cast<long>(argument);
        for (int i = 0; i < 1000; ++i) {
            pthread_mutex_lock(&mutex);
            while (turn != own) pthread_cond_wait(&changed, &mutex);
            turn = 1 - turn;
            pthread_cond_signal(&changed);
            pthread_mutex_unlock(&mutex);
        }
        return nullptr;
    };
    pthread_t threads[2];
    for (long i = 0; i < 2; ++i)
        pthread_create(&threads[i], nullptr, player, reinterpret_cast<void*>(i));
    for (const auto& thread : threads) pthread_join(thread, nullptr);
    CHECK_EQ(turn, 0);
}

ABI_TEST(futex_waits_only_for_its_value) {
    const int word = 5;
    CHECK_ERRNO(futex(&word, FUTEX_WAIT, 4), EAGAIN);
    const timespec brief = {0, 20'000'000};
    CHECK_ERRNO(futex(&word, FUTEX_WAIT, 5, &brief), ETIMEDOUT);
    CHECK_EQ(futex(&word, FUTEX_WAKE, 1), 0);
    CHECK_ERRNO(futex(reinterpret_cast<const int*>(1), FUTEX_WAIT, 5), EINVAL);
    CHECK_ERRNO(futex(reinterpret_cast<const int*>(0x1000), FUTEX_WAIT, 5), EFAULT);
    CHECK_ERRNO(futex(&word, 99, 5), ENOSYS);
}

ABI_TEST(futex_between_processes) {
    int* word = static_cast<int*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const pid_t child = fork();
    if (child == 0) {
        while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) futex(word, FUTEX_WAIT, 0);
        _exit(0);
    }
    usleep(30'000);
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    futex(word, FUTEX_WAKE, 1);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

ABI_TEST(exit_ends_all_threads) {
    const int status = abi::status_of([] {
        pthread_t thread;
        pthread_create(
            &thread, nullptr,
            [](void*) -> void* {
                for (;;) pause();
            },
            nullptr);
        pthread_create(
            &thread, nullptr,
            [](void*) -> void* {
                for (;;) asm volatile("pause");
            },
            nullptr);
        usleep(10'000);
        _exit(12);
    });
    CHECK_EQ(WEXITSTATUS(status), 12);
}

ABI_TEST(thread_exit_leaves_the_process) {
    const int status = abi::status_of([] {
        pthread_t thread;
        pthread_create(
            &thread, nullptr,
            [](void*) -> void* {
                usleep(50'000);
                _exit(34);
            },
            nullptr);
        syscall(SYS_exit, 12);  // of this thread only
    });
    CHECK_EQ(WEXITSTATUS(status), 34);
}

ABI_TEST(signal_to_a_thread) {
    static volatile pid_t taken;
    signal(SIGUSR1, [](int) { taken = gettid(); });
    pthread_t thread;
    static volatile pid_t id;
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
            id = gettid();
            while (taken == 0) usleep(1000);
            return nullptr;
        },
        nullptr);
    while (id == 0) usleep(1000);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), id, SIGUSR1), 0);
    pthread_join(thread, nullptr);
    CHECK_EQ(taken, id);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 4'000'000, SIGUSR1), ESRCH);
}

ABI_TEST(simd_registers_are_a_programs_own) {
    if (!has_avx()) return;  // nothing to keep on such a CPU
    pid_t children[6];
    for (unsigned c = 0; c < 6; ++c) {
        children[c] = fork();
        if (children[c] != 0) continue;
        for (unsigned i = 0; i < 200; ++i) {
            if (!ymm_kept(c * 1000 + i, i % 2 == 0)) _exit(1);
        }
        _exit(0);
    }
    for (const pid_t child : children) {
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
}

ABI_TEST(simd_registers_survive_a_handler) {
    if (!has_avx()) return;
    // The handler uses them as well.
    static volatile sig_atomic_t handled, right;
    signal(SIGALRM, [](int) {
        right = right + (ymm_kept(77, false) ? 1 : 0);
        handled = handled + 1;
    });
    const itimerval often = {{0, 1'000}, {0, 1'000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
    alignas(32) static unsigned in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];
    for (int i = 0; i < 200 || handled < 10; ++i) {
        asm volatile(
            "vmovdqa (%[in]), %%ymm9\nmovl $20000, %%r8d\n1: decl %%r8d\njnz 1b\n"
            "vmovdqa %%ymm9, (%[out])"
            :
            : [in] "r"(in), [out] "r"(out)
            : "r8", "xmm9", "memory");
        CHECK(memcmp(in, out, sizeof in) == 0);
    }
    signal(SIGALRM, SIG_IGN);
    CHECK_EQ(right, handled);
}

ABI_TEST(fork_copies_the_simd_registers) {
    if (!has_avx()) return;
    alignas(32) static unsigned in[8] = {9, 8, 7, 6, 5, 4, 3, 2}, out[8];
    long child;
    asm volatile("vmovdqa (%[in]), %%ymm12\nmovl %[fork], %%eax\nsyscall\nvmovdqa %%ymm12, (%[out])"
                 : "=&a"(child)
                 : [in] "r"(in), [out] "r"(out), [fork] "i"(SYS_fork)
                 : "rcx", "r11", "xmm12", "memory");
    if (child == 0) _exit(memcmp(in, out, sizeof in) == 0 ? 0 : 1);
    int status;
    CHECK_EQ(waitpid(static_cast<pid_t>(child), &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(memcmp(in, out, sizeof in) == 0);
}

ABI_TEST(rounding_mode_is_a_threads_own) {
    unsigned mode = 0x1f80 | 0x6000;  // towards zero
    asm volatile("ldmxcsr %0" ::"m"(mode));
    CHECK_EQ(abi::status_of([] {
                 unsigned now;
                 asm volatile("stmxcsr %0" : "=m"(now));
                 CHECK_EQ(now & 0x6000, 0x6000);  // inherited
                 now = 0x1f80;
                 asm volatile("ldmxcsr %0" ::"m"(now));
             }),
             0);
    for (int i = 0; i < 100; ++i) sched_yield();
    asm volatile("stmxcsr %0" : "=m"(mode));
    CHECK_EQ(mode & 0x6000, 0x6000);
}

// All of them wait for the last one, then end at once.
ABI_TEST(a_thousand_threads_in_one_process) {
    constexpr int kThreads = 1000;
    static pthread_barrier_t all_there;
    static pthread_t threads[kThreads];
    CHECK_EQ(pthread_barrier_init(&all_there, nullptr, kThreads), 0);
    pthread_attr_t small;
    CHECK_EQ(pthread_attr_init(&small), 0);
    CHECK_EQ(pthread_attr_setstacksize(&small, 64 * 1024), 0);
    for (pthread_t& thread : threads) {
        CHECK_EQ(pthread_create(
                     &thread, &small,
                     [](void*) -> void* {
                         volatile char touched[16 * 1024];
                         for (unsigned i = 0; i < sizeof touched; i += 4096) touched[i] = 1;
                         pthread_barrier_wait(&all_there);
                         return nullptr;
                     },
                     nullptr),
                 0);
    }
    for (const pthread_t thread : threads) CHECK_EQ(pthread_join(thread, nullptr), 0);
}
