#include "kernel/arch/smp.h"

#include <cstring>

#include "kernel/arch/local_apic.h"

extern "C" {
extern const char ap_trampoline[], ap_trampoline_mailbox[], ap_trampoline_end[];
}

namespace exo::arch {

namespace {

// The end of ap_trampoline.S.
struct Mailbox {
    std::uint64_t boot_tables;
    std::uint64_t tables;
    std::uint64_t stack;
    std::uint64_t entry;
    std::uint64_t argument;
};

// Its address does not fit the kernel's code model, which assumes the top 2 GiB.
std::uint64_t boot_tables() {
    std::uint64_t address;
    asm("movabsq $boot_pml4, %0" : "=r"(address));
    return address;
}

}  // namespace

void launch_cpu(std::uint32_t apic_id, PhysAddr page, const PageTable& tables, VirtAddr stack_top,
                void (*entry)(void* argument), void* argument) {
    auto* copy = direct_pointer<char>(page);
    std::memcpy(copy, ap_trampoline, static_cast<std::size_t>(ap_trampoline_end - ap_trampoline));
    const Mailbox mailbox{.boot_tables = boot_tables(),
                          .tables = tables.root().value,
                          .stack = stack_top.value,
                          .entry = reinterpret_cast<std::uintptr_t>(entry),
                          .argument = reinterpret_cast<std::uintptr_t>(argument)};
    std::memcpy(copy + (ap_trampoline_mailbox - ap_trampoline), &mailbox, sizeof mailbox);
    start_cpu(apic_id, static_cast<std::uint8_t>(page.value / kPageSize));
}

}  // namespace exo::arch
