// Memory that only the kernel gets: pages for programs never come out of it, so that when programs
// have taken all there is, ending one of them does not fail for want of a table or a record.
//
// Lent out, it goes back to the heap piece by piece, where everybody may find it. So from the first
// piece on programs get nothing until it is whole again or somebody was made to give memory back.
#pragma once

#include "lib/base/result.h"

namespace exo {

/// Sets it aside: a 256th of RAM, 256 KiB at least. NOMEM.
Result<void> start_reserve();

/// Gives a piece of it to the heap, for an allocation of the kernel that failed. False: it is used
/// up. Any context but an interrupt handler's.
bool lend_reserve();

/// Whether some of it is lent.
[[nodiscard]] bool reserve_is_wanted();

/// Before a page for a program: takes back what was lent. NOMEM: it cannot be had, and nothing was
/// given back to the system since it was lent.
Result<void> restore_reserve();

/// Memory was given back to the system: programs get some again even if the reserve is not whole.
void reserve_relieved();

}  // namespace exo
