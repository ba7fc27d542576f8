// The interrupt descriptor table and the dispatch of what comes through it.
#include <array>
#include <cstddef>

#include "kernel/arch/upcalls.h"
#include "kernel/arch/x86_64/segments.h"

extern "C" {
extern const std::uint64_t trap_stubs[256];
void trap_dispatch(exo::arch::TrapFrame* frame);
}

namespace exo::arch {

namespace {

// SDM vol. 3A 6.14.1.
struct Gate {
    std::uint16_t offset_low;
    std::uint16_t selector;
    std::uint8_t stack;
    std::uint8_t type;
    std::uint16_t offset_middle;
    std::uint32_t offset_high;
    std::uint32_t reserved;
};
static_assert(sizeof(Gate) == 16);

constexpr std::uint8_t kInterruptGate = 0x8e;  // present, ring 0, interrupts off on entry
constexpr unsigned kBreakpoint = 3;
constexpr std::uint8_t kRing3 = 0x60;

constinit std::array<Gate, 256> table{};

constexpr std::array<const char*, 32> kNames = {"divide error",
                                                "debug",
                                                "NMI",
                                                "breakpoint",
                                                "overflow",
                                                "bound range",
                                                "invalid opcode",
                                                "device not available",
                                                "double fault",
                                                "coprocessor segment overrun",
                                                "invalid TSS",
                                                "segment not present",
                                                "stack fault",
                                                "general protection",
                                                "page fault",
                                                "reserved",
                                                "x87 floating point",
                                                "alignment check",
                                                "machine check",
                                                "SIMD floating point",
                                                "virtualization",
                                                "control protection",
                                                "reserved",
                                                "reserved",
                                                "reserved",
                                                "reserved",
                                                "reserved",
                                                "reserved",
                                                "hypervisor injection",
                                                "VMM communication",
                                                "security",
                                                "reserved"};

TrapStack stack_of(unsigned vector) {
    switch (vector) {
        case 2:
            return TrapStack::kNmi;
        case 8:
            return TrapStack::kDoubleFault;
        case 18:
            return TrapStack::kMachineCheck;
        default:
            return TrapStack::kCurrent;
    }
}

}  // namespace

void load_interrupt_table() {
    for (unsigned vector = 0; vector < table.size(); ++vector) {
        const std::uint64_t entry = trap_stubs[vector];
        table[vector] = {.offset_low = static_cast<std::uint16_t>(entry),
                         .selector = kKernelCode,
                         .stack = static_cast<std::uint8_t>(stack_of(vector)),
                         .type = static_cast<std::uint8_t>(kInterruptGate |
                                                           (vector == kBreakpoint ? kRing3 : 0)),
                         .offset_middle = static_cast<std::uint16_t>(entry >> 16),
                         .offset_high = static_cast<std::uint32_t>(entry >> 32),
                         .reserved = 0};
    }
    struct [[gnu::packed]] {
        std::uint16_t limit;
        std::uint64_t base;
    } const pointer{sizeof table - 1, reinterpret_cast<std::uintptr_t>(table.data())};
    asm volatile("lidt %0" ::"m"(pointer));
}

}  // namespace exo::arch

void trap_dispatch(exo::arch::TrapFrame* frame) {
    using namespace exo::arch;
    if (frame->vector < kNames.size()) upcall::fatal_exception(*frame, kNames[frame->vector]);
    upcall::interrupt(static_cast<std::uint8_t>(frame->vector));
}
