#include "kernel/host/cpu.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <limits>

#include "kernel/arch/clock.h"
#include "kernel/arch/console.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/random.h"
#include "kernel/core/interrupts.h"

namespace exo {

namespace {

constexpr unsigned kMaxCpus = 64;

constinit Atomic<std::uint64_t> used_ids{0};
constinit std::array<Atomic<CpuLocal*>, kMaxCpus> cpus{};
constinit Atomic<std::uint64_t> now{1};
thread_local std::uint64_t timer_at = Deadline::kNever;
thread_local std::uint64_t allocations_left = std::numeric_limits<std::uint64_t>::max();
thread_local bool allocation_failed = false;

std::uint32_t take_id() {
    std::uint64_t used = used_ids.load(std::memory_order_relaxed);
    for (;;) {
        const auto id = static_cast<std::uint32_t>(std::countr_one(used));
        EXO_CHECK(id < kMaxCpus, "more host threads than CPUs");
        if (used_ids.compare_exchange_weak(used, used | std::uint64_t{1} << id,
                                           std::memory_order_acq_rel, std::memory_order_relaxed)) {
            return id;
        }
    }
}

void set_gs_base(void* to) {
    const long set = syscall(SYS_arch_prctl, ARCH_SET_GS, to);
    EXO_CHECK(set == 0, "Linux refuses a base for GS");
}

void move_clock_to(std::uint64_t ns) {
    std::uint64_t seen = now.load(std::memory_order_relaxed);
    while (seen < ns && !now.compare_exchange_weak(seen, ns, std::memory_order_acq_rel,
                                                   std::memory_order_relaxed)) {
    }
}

void run_timers() {
    timer_at = Deadline::kNever;
    const auto interrupts = arch::disable_interrupts();
    this_cpu().timers->run_expired();
    arch::restore_interrupts(interrupts);
}

}  // namespace

namespace host {

Cpu::Cpu(Thread& thread) {
    local_.self = &local_;
    local_.thread = &thread;
    local_.id = local_.apic_id = take_id();
    local_.timers = &timers_;
    register_cpu(local_);
    set_gs_base(&local_);
}

Cpu::~Cpu() {
    EXO_CHECK(local_.held_count == 0, "a CPU goes with locks held");
    set_gs_base(nullptr);
    cpus[local_.id].store(nullptr, std::memory_order_relaxed);
    used_ids.fetch_and(~(std::uint64_t{1} << local_.id), std::memory_order_acq_rel);
}

void Clock::advance(std::uint64_t ns) {
    const std::uint64_t to = arch::now_ns() + ns;
    while (timer_at <= to) {
        move_clock_to(timer_at);
        run_timers();
    }
    move_clock_to(to);
}

std::uint32_t cpu_count() {
    return static_cast<std::uint32_t>(std::popcount(used_ids.load(std::memory_order_relaxed)));
}

bool sleep_until_timer() {
    if (timer_at == Deadline::kNever) return false;
    move_clock_to(timer_at);
    run_timers();
    return true;
}

FailAllocations::FailAllocations(std::uint64_t after) {
    allocations_left = after;
    allocation_failed = false;
}

FailAllocations::~FailAllocations() {
    allocations_left = std::numeric_limits<std::uint64_t>::max();
}

bool FailAllocations::failed() const {
    return allocation_failed;
}

bool allocation_fails() {
    if (allocations_left != 0) {
        --allocations_left;
        return false;
    }
    allocation_failed = true;
    return true;
}

}  // namespace host

void register_cpu(CpuLocal& cpu) {
    cpus[cpu.id].store(&cpu, std::memory_order_release);
}

CpuLocal& cpu_local(std::uint32_t id) {
    return *cpus[id].load(std::memory_order_acquire);
}

void set_interrupt_handler(std::uint8_t, InterruptHandler) {}

namespace arch {

std::uint64_t now_ns() {
    return now.load(std::memory_order_acquire);
}

ClockRate clock_rate() {
    return {.origin = 0, .multiplier = 1, .shift = 0};
}

bool has_cpu_number() {
    return false;
}

void set_timer(std::uint64_t ns) {
    timer_at = now_ns() + ns;
}

void stop_timer() {
    timer_at = Deadline::kNever;
}

void send_ipi(std::uint32_t, std::uint8_t) {
    panic("CPUs of the host do not interrupt each other");
}

void serial_write(std::string_view) {}

std::uint64_t random_seed() {
    return 0x9e3779b97f4a7c15;  // tests want the same each time
}

}  // namespace arch

}  // namespace exo
