// The vDSO's pages (posix_x/vdso/): the clock's page, then the shared object, mapped into every
// program.
#pragma once

#include "kernel/mm/address_space.h"

namespace exo::posix {

/// Once, before the first map_vdso(). NOMEM.
Result<void> start_vdso();

/// Maps both pages anywhere; the address of the ELF header, for AT_SYSINFO_EHDR. NOMEM.
Result<std::uint64_t> map_vdso(AddressSpace& space);

}  // namespace exo::posix
