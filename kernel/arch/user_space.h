// The user half of an address space as the machine has it: page tables, the CPUs that have them
// loaded, and what their TLBs may still hold. What is mapped and why is kernel/mm's. The caller
// serialises changes to a range.
//
// Every change that takes rights away from entries is followed by next_generation(), and then by an
// interrupt to the CPUs in `cpus`; a CPU enters itself in `cpus`, and then reads the generation and
// loads the tables. Both pairs are sequentially consistent: either the changer sees the CPU, or the
// CPU sees the change.
#pragma once

#include <cstdint>

#include "kernel/arch/page_table.h"
#include "lib/base/atomic.h"

namespace exo::arch {

class UserSpace {
  public:
    PhysAddr root;                        ///< top-level table, its upper half the kernel's
    Atomic<std::uint64_t> cpus{0};        ///< that have it loaded: bit n for CPU n
    Atomic<std::uint64_t> generation{1};  ///< of its entries
    std::uint64_t id = 0;                 ///< never used twice
};

/// The tables that are loaded where no program is; once, before any space is made.
void set_kernel_tables(const PageTable& tables);

/// Gives `space` a name and `root`, a zeroed frame, as its top-level table.
void init_user_space(UserSpace& space, PhysAddr root);

/// Loads `space` on this CPU, which ran `from` (nullptr: none); interrupts off. `space` nullptr:
/// the kernel's own tables.
void switch_space(UserSpace* from, UserSpace* space);

/// To be called after entries lost rights; the number of the change.
std::uint64_t next_generation(UserSpace& space);

/// Makes this CPU, which has `space` loaded, forget what it knew of [begin, end) before change
/// `generation`; interrupts off.
void invalidate(UserSpace& space, std::uint64_t begin, std::uint64_t end, std::uint64_t generation);

/// Makes this CPU forget one page of the loaded space, of which an entry gained rights. Other CPUs
/// find out by a fault that resolves to nothing.
void invalidate_page(std::uint64_t address);

}  // namespace exo::arch
