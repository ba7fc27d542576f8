// The interrupt descriptor table and the dispatch of what comes through it.
#include <array>
#include <cstddef>

#include "kernel/arch/backtrace.h"
#include "kernel/arch/exceptions.h"
#include "kernel/arch/interrupts.h"
#include "kernel/arch/upcalls.h"
#include "kernel/arch/x86_64/segments.h"
#include "lib/base/cpu.h"

extern "C" {
extern const std::uint64_t trap_stubs[256];
void trap_dispatch(unsigned vector, exo::arch::TrapFrame* frame);
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
constexpr unsigned kNmi = 2;
constexpr unsigned kBreakpoint = 3;
constexpr unsigned kOverflow = 4;
constexpr unsigned kDoubleFault = 8;
constexpr unsigned kGeneralProtection = 13;
constexpr unsigned kPageFault = 14;
constexpr unsigned kMachineCheck = 18;
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
        case kNmi:
            return TrapStack::kNmi;
        case kDoubleFault:
            return TrapStack::kDoubleFault;
        case kMachineCheck:
            return TrapStack::kMachineCheck;
        default:
            return TrapStack::kCurrent;
    }
}

// INT3 and INTO are instructions of programs.
std::uint8_t ring_of(unsigned vector) {
    return vector == kBreakpoint || vector == kOverflow ? kRing3 : 0;
}

}  // namespace

void load_interrupt_table() {
    for (unsigned vector = 0; vector < table.size(); ++vector) {
        const std::uint64_t entry = trap_stubs[vector];
        table[vector] = {.offset_low = static_cast<std::uint16_t>(entry),
                         .selector = kKernelCode,
                         .stack = static_cast<std::uint8_t>(stack_of(vector)),
                         .type = static_cast<std::uint8_t>(kInterruptGate | ring_of(vector)),
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

void trap_dispatch(unsigned vector, exo::arch::TrapFrame* frame) {
    using namespace exo::arch;
    if (frame->from_user()) upcall::left_program();
    if (vector == kPageFault) {
        upcall::page_fault(*frame, fault_address());
    } else if (vector >= kNames.size()) {
        upcall::interrupt(static_cast<std::uint8_t>(vector));
    } else if (frame->from_user() && vector != kNmi && vector != kDoubleFault &&
               vector != kMachineCheck) {
        upcall::program_exception(*frame, static_cast<std::uint8_t>(vector));
    } else if (!(vector == kGeneralProtection && fixup_exception(*frame))) {
        upcall::fatal_exception(*frame, kNames[vector]);
    }
    if (frame->from_user()) {
        disable_interrupts();
        upcall::return_to_user(*frame, exo::read_tsc());
    }
}
