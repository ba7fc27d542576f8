// The vDSO (vdso(7)): what programs ask of the clock without entering the kernel. A shared object
// of its own, mapped into every program behind the page it reads. No data, no relocations.
#include <cstdint>

#include "kernel/core/clock_page.h"

namespace {

constexpr long kClockGettime = 228, kGetcpu = 309;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

struct Timespec {
    std::int64_t seconds, nanoseconds;
};
struct Timeval {
    std::int64_t seconds, microseconds;
};
struct Timezone {
    std::int32_t minutes_west, daylight;
};

enum Clock : int {
    kRealtime = 0,
    kMonotonic = 1,
    kMonotonicRaw = 4,
    kRealtimeCoarse = 5,
    kMonotonicCoarse = 6,
    kBoottime = 7,
};

// vdso.ld puts it on the page in front of the code.
extern "C" [[gnu::visibility("hidden")]] const exo::ClockPage vdso_clock;

long call(long number, auto a, auto b) {
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}

std::uint64_t read_tsc() {
    std::uint32_t low, high;
    // LFENCE: not before what the program did earlier (SDM vol. 2B, RDTSC).
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return std::uint64_t{high} << 32 | low;
}

struct Now {
    std::uint64_t monotonic_ns, wall_ns;
};

Now now() {
    for (;;) {
        const std::uint32_t before = vdso_clock.sequence.load(std::memory_order_acquire);
        const auto ticks = static_cast<unsigned __int128>(read_tsc() - vdso_clock.origin);
        const auto ns =
            static_cast<std::uint64_t>(ticks * vdso_clock.multiplier >> vdso_clock.shift);
        const std::uint64_t offset = vdso_clock.wall_offset_ns.load(std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (before % 2 == 0 && vdso_clock.sequence.load(std::memory_order_relaxed) == before)
            return {ns, ns + offset};
        __builtin_ia32_pause();
    }
}

}  // namespace

extern "C" {

int __vdso_clock_gettime(int clock, Timespec* to) {
    std::uint64_t ns;
    switch (clock) {
        case kRealtime:
        case kRealtimeCoarse:
            ns = now().wall_ns;
            break;
        case kMonotonic:
        case kMonotonicRaw:
        case kMonotonicCoarse:
        case kBoottime:
            ns = now().monotonic_ns;
            break;
        default:
            return static_cast<int>(call(kClockGettime, static_cast<long>(clock), to));
    }
    to->seconds = static_cast<std::int64_t>(ns / kNsPerSecond);
    to->nanoseconds = static_cast<std::int64_t>(ns % kNsPerSecond);
    return 0;
}

int __vdso_gettimeofday(Timeval* to, Timezone* zone) {
    if (to != nullptr) {
        const std::uint64_t ns = now().wall_ns;
        to->seconds = static_cast<std::int64_t>(ns / kNsPerSecond);
        to->microseconds = static_cast<std::int64_t>(ns % kNsPerSecond / 1000);
    }
    if (zone != nullptr) *zone = {0, 0};
    return 0;
}

std::int64_t __vdso_time(std::int64_t* to) {
    const auto seconds = static_cast<std::int64_t>(now().wall_ns / kNsPerSecond);
    if (to != nullptr) *to = seconds;
    return seconds;
}

int __vdso_getcpu(unsigned* cpu, unsigned* node, void*) {
    if (vdso_clock.has_cpu_number == 0) return static_cast<int>(call(kGetcpu, cpu, node));
    unsigned number;
    asm volatile("rdtscp" : "=c"(number)::"rax", "rdx");
    if (cpu != nullptr) *cpu = number & 0xfff;
    if (node != nullptr) *node = number >> 12;
    return 0;
}
}
