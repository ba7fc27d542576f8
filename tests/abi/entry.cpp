// The way into the kernel and back: what a call leaves of the registers, whatever path it takes.
#include <cpuid.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "tests/abi/abi.h"

namespace {

/// RBX, RDX, RSI, RDI, R8, R9, R10, R12 to R15, in this order.
constexpr int kRegisters = 11;

/// Makes a call with all registers holding patterns; `after` is what they hold then.
long call_with_patterns(long number, uint64_t (&after)[kRegisters]) {
    struct {
        long number;
        uint64_t* after;
    } volatile in = {number, after};
    long result;
    asm volatile(
        "pushq %%rbp\n\t"
        "pushq %[in]\n\t"
        "movq (%[in]), %%rax\n\t"
        "movq $0x1111111111111101, %%rbx\n\tmovq $0x1111111111111102, %%rdx\n\t"
        "movq $0x1111111111111103, %%rsi\n\tmovq $0x1111111111111104, %%rdi\n\t"
        "movq $0x1111111111111105, %%r8\n\tmovq $0x1111111111111106, %%r9\n\t"
        "movq $0x1111111111111107, %%r10\n\tmovq $0x1111111111111108, %%r12\n\t"
        "movq $0x1111111111111109, %%r13\n\tmovq $0x111111111111110a, %%r14\n\t"
        "movq $0x111111111111110b, %%r15\n\tmovq $0x111111111111110c, %%rbp\n\t"
        "syscall\n\t"
        "popq %%rcx\n\t"
        "movq 8(%%rcx), %%rcx\n\t"
        "movq %%rbx, (%%rcx)\n\tmovq %%rdx, 8(%%rcx)\n\tmovq %%rsi, 16(%%rcx)\n\t"
        "movq %%rdi, 24(%%rcx)\n\tmovq %%r8, 32(%%rcx)\n\tmovq %%r9, 40(%%rcx)\n\t"
        "movq %%r10, 48(%%rcx)\n\tmovq %%r12, 56(%%rcx)\n\tmovq %%r13, 64(%%rcx)\n\t"
        "movq %%r14, 72(%%rcx)\n\tmovq %%r15, 80(%%rcx)\n\t"
        "movq $0x111111111111110c, %%rcx\n\t"
        "cmpq %%rcx, %%rbp\n\t"
        "popq %%rbp\n\t"
        "je 1f\n\tud2\n1:"
        : "=a"(result)
        : [in] "a"(&in)
        : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "cc", "memory");
    return result;
}

void check_registers(long number) {
    uint64_t after[kRegisters] = {};
    call_with_patterns(number, after);
    for (int i = 0; i < kRegisters; ++i)
        CHECK_EQ(after[i], static_cast<long>(0x1111111111111101 + static_cast<uint64_t>(i)));
}

/// What SYSCALL leaves in RCX and R11, where they differ from the address behind it and the flags.
void check_rcx_and_r11(long number) {
    uint64_t rcx, r11, behind, flags;
    asm volatile(
        "subq $128, %%rsp\n\t"
        "pushfq\n\tpopq %[flags]\n\t"
        "leaq 1f(%%rip), %[behind]\n\t"
        "syscall\n1:\tmovq %%r11, %[r11]\n\t"
        "addq $128, %%rsp"
        : "+a"(number), "=&c"(rcx), [r11] "=&r"(r11), [behind] "=&r"(behind), [flags] "=&r"(flags)
        : "D"(022)
        : "r11", "cc", "memory");
    CHECK_EQ(rcx, behind);
    CHECK_EQ(r11 & 0x200, 0x200);                                // interrupts are on in a program
    CHECK_EQ(r11 & ~uint64_t{0x8d5}, flags & ~uint64_t{0x8d5});  // arithmetic flags aside
}

constexpr long kAnswering[] = {SYS_getpid,  SYS_gettid, SYS_getppid, SYS_getpgrp, SYS_getuid,
                               SYS_geteuid, SYS_getgid, SYS_getegid, SYS_umask};

volatile sig_atomic_t alarms, steps;
volatile uint64_t stepped_at[8];

}  // namespace

struct Vector {
    uint64_t words[4];
};
constexpr int kVectors = 5;

/// Makes a call with YMM0 to YMM3 and YMM15 set from `before`, and stores them to `after`.
long call_with_vectors(long number, int fd, void* bytes, size_t size, const Vector* before,
                       Vector* after) {
    long result;
    register const Vector* in asm("r8") = before;
    register Vector* out asm("r9") = after;
    asm volatile(
        "vmovdqu (%%r8), %%ymm0\n\tvmovdqu 32(%%r8), %%ymm1\n\tvmovdqu 64(%%r8), %%ymm2\n\t"
        "vmovdqu 96(%%r8), %%ymm3\n\tvmovdqu 128(%%r8), %%ymm15\n\t"
        "syscall\n\t"
        "vmovdqu %%ymm0, (%%r9)\n\tvmovdqu %%ymm1, 32(%%r9)\n\tvmovdqu %%ymm2, 64(%%r9)\n\t"
        "vmovdqu %%ymm3, 96(%%r9)\n\tvmovdqu %%ymm15, 128(%%r9)\n\tvzeroupper"
        : "=a"(result)
        : "a"(number), "D"(fd), "S"(bytes), "d"(size), "r"(in), "r"(out)
        : "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm15", "memory");
    return result;
}

/// `size` bytes that nobody has touched.
void* untouched(size_t size) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

ABI_TEST(answering_calls_keep_all_registers) {
    for (const long number : kAnswering) check_registers(number);
}

ABI_TEST(other_calls_keep_all_registers) {
    for (const long number : {long{SYS_sched_yield}, long{SYS_lseek}, long{SYS_clock_gettime},
                              1000L, -1L, 511L, 512L, INT64_MAX, INT64_MIN}) {
        check_registers(number);
    }
}

// Into and out of memory that faults on the way, and stored to such memory in the end.
ABI_TEST(long_copies_and_faults_keep_vector_registers) {
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_AVX) == 0) return;
    constexpr size_t kSize = 32768;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const int zero = open("/dev/zero", O_RDONLY);
    Vector before[kVectors];
    for (uint64_t i = 0; i < kVectors; ++i)
        for (uint64_t j = 0; j < 4; ++j) before[i].words[j] = (i * 4 + j + 1) * 0x9e3779b97f4a7c15;
    const struct {
        long number;
        int fd;
    } calls[] = {{SYS_write, ends[1]}, {SYS_read, ends[0]}, {SYS_read, zero}};
    for (const auto& [number, fd] : calls) {
        auto* after = static_cast<Vector*>(untouched(sizeof before));
        CHECK_EQ(call_with_vectors(number, fd, untouched(kSize), kSize, before, after),
                 static_cast<long>(kSize));
        CHECK_EQ(memcmp(before, after, sizeof before), 0);
    }
}

ABI_TEST(rcx_and_r11_are_what_syscall_makes_of_them) {
    for (const long number : kAnswering) check_rcx_and_r11(number);
    check_rcx_and_r11(1000);
}

ABI_TEST(numbers_beyond_the_last_are_no_calls) {
    for (const long number : {512L, 1000L, INT64_MAX, -1L, -4096L})
        CHECK_ERRNO(syscall(number), ENOSYS);
    // The number is EAX.
    CHECK_EQ(syscall(1L << 62 | 1L << 32 | SYS_getpid), getpid());
}

ABI_TEST(a_loop_of_fast_calls_is_interrupted) {
    signal(SIGALRM, [](int) { alarms = alarms + 1; });
    const itimerval each = {{0, 5'000}, {0, 5'000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &each, nullptr), 0);
    const pid_t self = getpid();
    while (alarms < 5) CHECK_EQ(syscall(SYS_getpid), self);
}

ABI_TEST(a_loop_of_fast_calls_leaves_the_cpu_to_others) {
    pid_t children[4];
    for (pid_t& child : children) {
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            for (;;) syscall(SYS_getppid);
        }
    }
    usleep(20'000);
    for (const pid_t child : children) {
        CHECK_EQ(kill(child, SIGKILL), 0);
        CHECK_EQ(waitpid(child, nullptr, 0), child);
    }
}

// TF is restored with the flags: the next trap comes after the instruction behind SYSCALL.
ABI_TEST(a_stepped_call_traps_behind_the_next_instruction) {
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void* context) {
        const auto at =
            static_cast<uint64_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
        if (steps < 8) stepped_at[steps] = at;
        steps = steps + 1;
    };
    CHECK_EQ(sigaction(SIGTRAP, &action, nullptr), 0);
    uint64_t call, result = SYS_getppid;
    asm volatile(
        "subq $128, %%rsp\n\t"
        "leaq 1f(%%rip), %[call]\n\t"
        "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n"
        "1:\tsyscall\n\t"
        "nop\n\tnop\n\t"
        "pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
        "addq $128, %%rsp"
        : "+a"(result), [call] "=&b"(call)
        :
        : "rcx", "r11", "cc", "memory");
    CHECK_EQ(result, getppid());
    CHECK_EQ(stepped_at[0] - call, 3);  // behind the first NOP, or before it where SYSCALL traps
}

ABI_TEST(ids_are_those_that_were_set) {
    CHECK_EQ(umask(027), 022);
    CHECK_EQ(umask(0), 027);
    const int status = abi::status_of([] {
        CHECK_EQ(setgid(12), 0);
        CHECK_EQ(setresuid(10, 11, 0), 0);
        CHECK_EQ(getuid(), 10);
        CHECK_EQ(geteuid(), 11);
        CHECK_EQ(getgid(), 12);
        CHECK_EQ(getegid(), 12);
        CHECK_EQ(setpgid(0, 0), 0);
        CHECK_EQ(getpgrp(), getpid());
        CHECK_EQ(abi::status_of([] { CHECK_EQ(getpgrp(), getppid()); }), 0);
        CHECK_EQ(abi::status_of([] { CHECK_EQ(setsid(), getpgrp()); }), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(an_orphan_gets_another_parent) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const pid_t self = getpid();
    CHECK_EQ(abi::status_of([&] {
                 const pid_t middle = getpid();
                 if (fork() == 0) {
                     while (getppid() == middle) usleep(1'000);
                     const char other = getppid() != middle;
                     CHECK_EQ(write(ends[1], &other, 1), 1);
                     _exit(0);
                 }
             }),
             0);
    char other = 0;
    CHECK_EQ(read(ends[0], &other, 1), 1);
    CHECK_EQ(other, 1);
    CHECK_EQ(getpid(), self);
}
