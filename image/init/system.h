// What both kinds of session need: the mounts a program expects, an environment, the machine's end.
#pragma once

namespace init {

/// Mounts /proc, /sys, /dev and /tmp where the kernel has not done so, and makes /dev/fd and
/// /dev/stdin, stdout and stderr. What fails is said on the console; the session goes on without.
void mount_all();

/// Opens `path` in raw mode, 115200 8N1. -1: errno tells.
int open_raw(const char* path);

/// Writes all of it. False: errno tells.
bool write_all(int fd, const void* data, unsigned long size);

/// Powers the machine off; where the kernel cannot, ends with `status` for exo.exit=1.
[[noreturn]] void end_machine(int status);

/// A shell on the first serial port. `size`: ROWSxCOLUMNS or nullptr, `term` or nullptr.
int run_shell(const char* size, const char* term);

/// One command on the second serial port (wire.h).
int run_command();

}  // namespace init
