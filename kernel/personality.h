// Where the kernel proper ends: what runs programs, declared here and defined above (posix_x).
#pragma once

#include "kernel/arch/boot_info.h"

namespace exo {

/// Makes the first process of what the command line and the initrd say, from the kernel thread
/// that calls it; returns once it runs. Panics with a clear message if there is none to be had.
void start_personality(const arch::BootInfo& boot);

/// All of the kernel's command line.
[[nodiscard]] std::string_view boot_command_line();

/// The value of the last `key=value` on the kernel's command line, before " -- "; empty: not there.
[[nodiscard]] std::string_view boot_option(std::string_view key);

/// Whether `flag` is a word there.
[[nodiscard]] bool boot_flag(std::string_view flag);

}  // namespace exo
