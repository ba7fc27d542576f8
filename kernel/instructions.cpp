// What the kernel's own primitives cost, in instructions: tests of the image exo-kernel-measure,
// which is compiled as the shipped one is and runs under QEMU's -icount shift=0, where the TSC
// counts instructions. Prints "measure: NAME HUNDREDTHS"; bench/kernel/inside.py compares them with
// what the core libraries alone cost (lib/measure/core_loops.h in a program).
#include <new>

#include "kernel/arch/clock.h"
#include "kernel/arch/interrupts.h"
#include "kernel/core/ktest.h"
#include "kernel/core/log.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/spin_lock.h"
#include "kernel/core/timer_queue.h"
#include "kernel/mm/frame_records.h"
#include "kernel/mm/heap.h"
#include "lib/base/box.h"
#include "lib/measure/core_loops.h"

namespace exo {

namespace {

using measure::ticks_of;

void report(std::string_view name, std::uint64_t hundredths) {
    KTEST_EXPECT(hundredths != 0);
    log_info("measure", "{} {}", name, hundredths);
}

struct Partner {
    Atomic<bool> stop{false};
    static void run(void* argument) {
        auto& self = *static_cast<Partner*>(argument);
        while (!self.stop.load(std::memory_order_relaxed)) yield();
        self.stop.store(false, std::memory_order_release);
    }
};

}  // namespace

// The libraries' loops, in the kernel: the same source under the kernel's flags.
KERNEL_TEST(instructions_of_the_libraries) {
    struct Memory {
        alignas(64) std::byte ring[64 * 1024];
        alignas(64) std::byte stack[4096];
        measure::PickLoop picks;
    };
    const auto memory = Box<Memory>::create();
    KTEST_REQUIRE(memory);
    const auto ring = ring::RingMemory::create((*memory)->ring, sizeof(*memory)->ring,
                                               {ring::RingFlavour::kSpsc, 8, 0});
    KTEST_REQUIRE(ring);
    report("ring", measure::ring_pair(*ring));
    report("allocation", measure::allocation_pair(kernel_heap(), *cpu_memory().cache));
    report("switch", measure::context_switch((*memory)->stack + sizeof(*memory)->stack));
    report("pick", (*memory)->picks.run());
    report("check", (*memory)->picks.run_checks());
}

// The kernel's own ways to them.
KERNEL_TEST(instructions_of_the_kernel) {
    report("kernel.allocation", ticks_of([] {
               void* volatile p = ::operator new(64, std::nothrow);
               ::operator delete(p);
           }));
    Partner partner;
    const auto thread = Thread::create_kernel("partner", &Partner::run, &partner);
    KTEST_REQUIRE(thread);
    start_thread(**thread);
    // Both yield in turns: every call of this thread is two switches.
    report("kernel.switch", ticks_of([] { yield(); }) / 2);
    partner.stop.store(true, std::memory_order_relaxed);
    while (partner.stop.load(std::memory_order_acquire)) yield();
}

// What the kernel must add to a switch between contexts, piece by piece.
KERNEL_TEST(instructions_of_what_the_kernel_adds) {
    report("add.interrupts",
           ticks_of([] { arch::restore_interrupts(arch::disable_interrupts()); }));
    SpinLock<LockRank::kTest> lock;
    report("add.lock", ticks_of([&]() NO_THREAD_SAFETY_ANALYSIS {
               lock.acquire();
               lock.release();
           }));
    report("add.clock", ticks_of([] { static_cast<void>(arch::now_ns()); }));
    // Each time a later deadline, as at each switch; the first of them programs the timer.
    std::uint64_t at = arch::now_ns() + 10'000'000'000;
    const auto interrupts = arch::disable_interrupts();
    report("add.timer", ticks_of([&] { this_cpu().timers->set_slice_end(++at); }));
    this_cpu().timers->set_slice_end(Deadline::kNever);
    arch::restore_interrupts(interrupts);
}

}  // namespace exo
