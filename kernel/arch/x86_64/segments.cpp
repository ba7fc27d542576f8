// GDT and TSS, one of each a CPU.
#include "kernel/arch/x86_64/segments.h"

#include "kernel/arch/entry.h"

#include <cstddef>
#include <new>

namespace exo::arch {

namespace {

// SDM vol. 3A 8.7, 64-bit TSS.
struct [[gnu::packed]] TaskState {
    std::uint32_t reserved0 = 0;
    std::uint64_t rsp[3] = {};
    std::uint64_t reserved1 = 0;
    std::uint64_t trap_stack[7] = {};
    std::uint64_t reserved2 = 0;
    std::uint16_t reserved3 = 0;
    std::uint16_t io_map = sizeof(TaskState);  // past the limit: no port is allowed to user mode
};
static_assert(sizeof(TaskState) == 104);

struct [[gnu::packed]] TablePointer {
    std::uint16_t limit;
    std::uint64_t base;
};

struct Tables {
    std::uint64_t gdt[7];
    TaskState task;
    alignas(16) std::byte stacks[kTrapStacks][kTrapStackBytes];
};

static_assert(sizeof(Tables) <= CpuTables::kBytes);

constexpr std::uint64_t kCode64 = 0x00af9a000000ffff;
constexpr std::uint64_t kData = 0x00cf92000000ffff;
constexpr std::uint64_t kRing3 = std::uint64_t{3} << 45;

}  // namespace

void load_segments(CpuTables& memory) {
    auto& tables = *new (memory.storage) Tables{};
    for (unsigned i = 0; i < kTrapStacks; ++i) {
        tables.task.trap_stack[i] = reinterpret_cast<std::uintptr_t>(tables.stacks[i + 1]);
    }
    const auto task = reinterpret_cast<std::uintptr_t>(&tables.task);
    tables.gdt[1] = kCode64;
    tables.gdt[2] = kData;
    tables.gdt[3] = kData | kRing3;
    tables.gdt[4] = kCode64 | kRing3;
    // System descriptor, 16 bytes (SDM vol. 3A 8.2.3): available 64-bit TSS, present.
    tables.gdt[5] = (sizeof(TaskState) - 1) | (task & 0xffffff) << 16 | std::uint64_t{0x89} << 40 |
                    (task >> 24 & 0xff) << 56;
    tables.gdt[6] = task >> 32;

    const TablePointer pointer{sizeof tables.gdt - 1, reinterpret_cast<std::uintptr_t>(tables.gdt)};
    asm volatile(
        "lgdt   %0\n\t"
        "pushq  %1\n\t"
        "leaq   1f(%%rip), %%rax\n\t"
        "pushq  %%rax\n\t"
        "lretq\n"
        "1:\n\t"
        "movl   %2, %%eax\n\t"
        "movl   %%eax, %%ss\n\t"
        "ltr    %w3\n\t" ::"m"(pointer),
        "i"(kKernelCode), "i"(kKernelData), "r"(kTaskState)
        : "rax", "memory");
}

void set_trap_stack(CpuTables& memory, VirtAddr top) {
    reinterpret_cast<Tables*>(memory.storage)->task.rsp[0] = top.value;
}

}  // namespace exo::arch
