// From a booted kernel to the first program.
#pragma once

#include "posix_x/process.h"

namespace exo::posix {

/// The first process has ended, and with it the system: as the command line says, the emulator
/// ends with its status (exo.exit=1) or the kernel panics, as Linux does.
[[noreturn]] void end_system(WaitStatus status);

}  // namespace exo::posix
