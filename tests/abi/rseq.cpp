// Restartable sequences (rseq(2)): the CPU's number in memory, critical sections that are aborted,
// and what is refused.
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "tests/abi/real_time.h"

extern "C" {
/// Says in `*section` that it is in the critical section of `descriptor`, and stays there until it
/// is aborted.
void stay_in_section(uint64_t* section, const void* descriptor);
extern const char section_abort[], good_descriptor[], unsigned_descriptor[];
}

asm(R"(
    .text
    .globl stay_in_section, section_abort
stay_in_section:
    movq %rsi, (%rdi)
section_begin:
    pause
    jmp section_begin
section_end:
    .long 0x53053053
section_abort:
    ret
    .data
    .globl good_descriptor, unsigned_descriptor
    .balign 32
good_descriptor:
    .long 0, 0
    .quad section_begin, section_end - section_begin, section_abort
unsigned_descriptor:
    .long 0, 0
    .quad section_begin, section_end - section_begin, stay_in_section
    .text
)");

namespace {

constexpr uint32_t kSignature = 0x53053053;
constexpr int kUnregister = 1;

struct alignas(32) Area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t section;
    uint32_t flags, node, rest[2];
};
static_assert(sizeof(Area) == 32);

long rseq(Area* area, uint32_t bytes, int flags, uint32_t signature) {
    return syscall(SYS_rseq, area, bytes, flags, signature);
}

volatile Area& registered() {
    static Area area;
    area.cpu_id = ~0u;
    CHECK_EQ(rseq(&area, sizeof area, 0, kSignature), 0);
    return area;
}

void begin_ticks(void (*handler)(int, siginfo_t*, void*)) {
    struct sigaction action = {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    CHECK_EQ(sigaction(SIGALRM, &action, nullptr), 0);
    const itimerval often = {{0, 5000}, {0, 5000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
}

uint64_t* section_of(volatile Area& area) {
    return const_cast<uint64_t*>(&area.section);
}

}  // namespace

ABI_TEST(rseq_tells_the_cpu_until_it_is_unregistered) {
    abi::stay_on_one_cpu();
    volatile Area& area = registered();
    CHECK_EQ(area.cpu_id, sched_getcpu());
    CHECK_EQ(area.cpu_id_start, sched_getcpu());
    auto* const at = const_cast<Area*>(&area);
    CHECK_EQ(rseq(at, sizeof *at, kUnregister, kSignature), 0);
    CHECK_EQ(area.cpu_id, ~0u);
    CHECK_EQ(area.cpu_id_start, 0);
    CHECK_ERRNO(rseq(at, sizeof *at, kUnregister, kSignature), EINVAL);
}

ABI_TEST(rseq_refuses_what_does_not_fit) {
    static Area areas[2];
    Area* const area = areas;
    CHECK_ERRNO(rseq(area, 16, 0, kSignature), EINVAL);
    CHECK_ERRNO(rseq(area, sizeof *area, 2, kSignature), EINVAL);
    auto* const odd = reinterpret_cast<Area*>(reinterpret_cast<char*>(area) + 8);
    CHECK_ERRNO(rseq(odd, sizeof *area, 0, kSignature), EINVAL);
    CHECK_ERRNO(rseq(area, sizeof *area, kUnregister, kSignature), EINVAL);
    CHECK_EQ(rseq(area, sizeof *area, 0, kSignature), 0);
    CHECK_ERRNO(rseq(area, sizeof *area, 0, kSignature), EBUSY);
    CHECK_ERRNO(rseq(area, sizeof *area, 0, kSignature + 1), EPERM);
    CHECK_ERRNO(rseq(areas + 1, sizeof *area, 0, kSignature), EINVAL);
    CHECK_ERRNO(rseq(areas + 1, sizeof *area, kUnregister, kSignature), EINVAL);
    CHECK_ERRNO(rseq(area, sizeof *area + 32, kUnregister, kSignature), EINVAL);
    CHECK_ERRNO(rseq(area, sizeof *area, kUnregister, kSignature + 1), EPERM);
    CHECK_ERRNO(rseq(area, sizeof *area, kUnregister | 2, kSignature), EINVAL);
    CHECK_EQ(rseq(area, sizeof *area, kUnregister, kSignature), 0);
}

ABI_TEST(rseq_follows_from_cpu_to_cpu) {
    cpu_set_t all;
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    volatile Area& area = registered();
    for (int round = 0; round < 20; ++round) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (!CPU_ISSET(cpu, &all)) continue;
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
            CHECK_EQ(area.cpu_id, cpu);
            CHECK_EQ(area.cpu_id_start, cpu);
        }
    }
}

ABI_TEST(a_handler_aborts_a_critical_section) {
    volatile Area& area = registered();
    static volatile uint64_t interrupted_at;
    begin_ticks([](int, siginfo_t*, void* context) {
        const auto* const at = static_cast<ucontext_t*>(context);
        interrupted_at = static_cast<uint64_t>(at->uc_mcontext.gregs[REG_RIP]);
    });
    for (int i = 0; i < 10; ++i) {
        stay_in_section(section_of(area), good_descriptor);
        CHECK_EQ(area.section, 0);
    }
    CHECK(interrupted_at != 0);
}

ABI_TEST(another_thread_s_turn_aborts_a_critical_section) {
    abi::stay_on_one_cpu();
    const pid_t other = abi::start([] {
        for (;;) asm volatile("pause");
    });
    volatile Area& area = registered();
    for (int i = 0; i < 5; ++i) {
        stay_in_section(section_of(area), good_descriptor);
        CHECK_EQ(area.section, 0);
    }
    CHECK_EQ(kill(other, SIGKILL), 0);
    CHECK_EQ(waitpid(other, nullptr, 0), other);
}

ABI_TEST(a_critical_section_that_was_left_is_forgotten) {
    volatile Area& area = registered();
    static volatile int ticks;
    begin_ticks([](int, siginfo_t*, void*) { ticks = ticks + 1; });
    area.section = reinterpret_cast<uint64_t>(good_descriptor);
    while (ticks == 0) {
    }
    CHECK_EQ(area.section, 0);
}

ABI_TEST(an_abort_handler_without_signature_is_a_fault) {
    const auto ends_by = [](const void* descriptor) {
        const int status = abi::status_of([&] {
            volatile Area& area = registered();
            begin_ticks([](int, siginfo_t*, void*) {});
            stay_in_section(section_of(area), descriptor);
        });
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    };
    CHECK_EQ(ends_by(unsigned_descriptor), SIGSEGV);
    CHECK_EQ(ends_by(reinterpret_cast<void*>(8)), SIGSEGV);
    CHECK_EQ(ends_by(reinterpret_cast<void*>(0x7ffffffff000)), SIGSEGV);
}

ABI_TEST(a_forked_child_is_registered_and_a_thread_is_not) {
    abi::stay_on_one_cpu();
    volatile Area& area = registered();
    auto* const at = const_cast<Area*>(&area);
    CHECK_EQ(abi::status_of([&] {
                 CHECK_ERRNO(rseq(at, sizeof *at, 0, kSignature), EBUSY);
                 CHECK_EQ(area.cpu_id, sched_getcpu());
             }),
             0);
    pthread_t thread;
    const auto run = [](void*) -> void* {
        static Area own;
        CHECK_EQ(rseq(&own, sizeof own, 0, kSignature), 0);
        CHECK_EQ(*const_cast<volatile uint32_t*>(&own.cpu_id), sched_getcpu());
        CHECK_EQ(rseq(&own, sizeof own, kUnregister, kSignature), 0);
        return nullptr;
    };
    CHECK_EQ(pthread_create(&thread, nullptr, run, nullptr), 0);
    CHECK_EQ(pthread_join(thread, nullptr), 0);
}
