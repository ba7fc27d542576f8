// /sys (sysfs(5)): what programs look for of the machine, its CPUs above all. Only what is known to
// be true has a file.
#pragma once

#include "lib/base/result.h"

namespace exo::posix {

/// Registers "sysfs" for mount(2). NOMEM.
Result<void> register_sysfs();

}  // namespace exo::posix
