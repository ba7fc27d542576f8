// Loading address spaces, with PCID where the CPU has it (SDM vol. 3A 4.10): each CPU keeps the
// translations of the last few spaces that it ran (PcidSlots).
#include "kernel/arch/user_space.h"

#include <array>
#include <cstring>

#include "kernel/arch/cpu.h"
#include "kernel/arch/page_entry.h"
#include "lib/base/pcid_slots.h"

namespace exo::arch {

namespace {

constexpr unsigned kMaxCpus = 64;                                    // bits of UserSpace::cpus
constexpr std::uint64_t kKeepTranslations = std::uint64_t{1} << 63;  // of a value for CR3
constexpr std::uint64_t kCr4Pcide = 1 << 17;

struct alignas(64) CpuTlb {
    PcidSlots slots;
};

constinit std::array<CpuTlb, kMaxCpus> tlbs{};  // each touched by its CPU alone
constinit PhysAddr kernel_root{};
constinit Atomic<std::uint64_t> last_id{0};

bool has_pcid() {
    std::uint64_t cr4;
    asm volatile("movq %%cr4, %0" : "=r"(cr4));
    return (cr4 & kCr4Pcide) != 0;
}

void load_cr3(std::uint64_t value) {
    asm volatile("movq %0, %%cr3" ::"r"(value) : "memory");
}

void load(const UserSpace& space, std::uint64_t generation) {
    CpuTlb& tlb = tlbs[cpu_number()];
    if (!has_pcid()) {
        load_cr3(space.root.value);
        tlb.slots.enter_alone(space.id, generation);
        return;
    }
    const PcidSlots::Choice choice = tlb.slots.enter(space.id, generation);
    load_cr3(space.root.value | choice.pcid | (choice.keep ? kKeepTranslations : 0));
}

}  // namespace

void set_kernel_tables(const PageTable& tables) {
    kernel_root = tables.root();
}

void init_user_space(UserSpace& space, PhysAddr root) {
    space.root = root;
    space.id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
    constexpr std::size_t kHalf = kPageSize / 2;
    std::memcpy(direct_pointer<std::byte>(root) + kHalf,
                direct_pointer<std::byte>(kernel_root) + kHalf, kHalf);
}

void switch_space(UserSpace* from, UserSpace* space) {
    const std::uint64_t self = std::uint64_t{1} << cpu_number();
    if (space != nullptr) {
        space->cpus.fetch_or(self, std::memory_order_seq_cst);
        load(*space, space->generation.load(std::memory_order_seq_cst));
    } else {
        load_cr3(kernel_root.value | (has_pcid() ? kKeepTranslations : 0));
    }
    // release: what this CPU did with the old tables comes before their end.
    if (from != nullptr) from->cpus.fetch_and(~self, std::memory_order_release);
}

std::uint64_t next_generation(UserSpace& space) {
    return space.generation.fetch_add(1, std::memory_order_seq_cst) + 1;
}

void invalidate(UserSpace& space, std::uint64_t begin, std::uint64_t end,
                std::uint64_t generation) {
    PcidSlots& slots = tlbs[cpu_number()].slots;
    switch (slots.catch_up(generation, (end - begin) / kPageSize)) {
        case PcidSlots::Action::kNothing:
            return;
        case PcidSlots::Action::kForgetPages:
            // INVLPG forgets cached table entries as well (SDM vol. 3A 4.10.4.1).
            for (std::uint64_t at = begin; at < end; at += kPageSize) invalidate_page(at);
            return;
        case PcidSlots::Action::kForgetAll:
            slots.forgot_all(space.generation.load(std::memory_order_seq_cst));
            load_cr3(space.root.value | (has_pcid() ? slots.pcid() : 0));
            return;
    }
}

void invalidate_page(std::uint64_t address) {
    asm volatile("invlpg (%0)" ::"r"(address) : "memory");
}

}  // namespace exo::arch
