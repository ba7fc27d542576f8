// Page tables of one address space, four levels (Intel SDM vol. 3A 4.5). The caller serialises
// changes and shoots down other CPUs' TLBs; changes here flush nothing.
#pragma once

#include <cstdint>

#include "kernel/arch/address.h"
#include "lib/base/bit_set.h"
#include "lib/base/result.h"

namespace exo::arch {

enum class Access : std::uint8_t {
    kRead = 0,
    kWrite = 1,
    kExecute = 2,  ///< never with kWrite
    kUser = 4,
    kDevice = 8,   ///< uncached
    kGlobal = 16,  ///< survives a change of address space
};

}  // namespace exo::arch

template <>
inline constexpr bool exo::kIsBitSet<exo::arch::Access> = true;

namespace exo::arch {

/// Where page tables get their frames.
class TableFrames {
  public:
    /// A zeroed frame; NOMEM.
    virtual Result<PhysAddr> allocate() = 0;

  protected:
    ~TableFrames() = default;
};

class PageTable {
  public:
    /// The tables below `root`, the physical address of a top-level table.
    explicit PageTable(PhysAddr root) : root_(root) {}

    /// Maps `size` bytes; all three are multiples of a page. Uses 2 MiB pages where alignment
    /// allows. NOMEM: what was mapped so far stays. EXIST: something is mapped there. INVAL:
    /// writable and executable at once.
    Result<void> map(VirtAddr at, PhysAddr to, std::uint64_t size, Access access,
                     TableFrames& frames);

    /// Takes a 4 KiB page out, which must be mapped; what it was mapped to.
    PhysAddr unmap_page(VirtAddr at);

    /// Makes these the tables of this CPU.
    void activate() const;

    [[nodiscard]] PhysAddr root() const { return root_; }

  private:
    Result<std::uint64_t*> entry_for(VirtAddr at, unsigned level, TableFrames& frames);

    PhysAddr root_;
};

}  // namespace exo::arch
