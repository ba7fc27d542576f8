// The page that untouched anonymous memory reads as: in the kernel's image, read-only, not counted.
#pragma once

#include "kernel/arch/address.h"

namespace exo {

[[nodiscard]] PhysAddr zero_page();

}  // namespace exo
