// Ctrl-Alt-Del, which reboot(2) gives a meaning.
#pragma once

namespace exo::posix {

/// The keys were pressed: the machine restarts, or the first process gets SIGINT, as the last
/// RB_ENABLE_CAD or RB_DISABLE_CAD said. May sleep.
void ctrl_alt_delete();

}  // namespace exo::posix
