// What becomes of a process's capabilities when its user or its program changes: capabilities(7).
// Files have none of their own here (no security.capability).
#pragma once

#include "kernel/fs/credentials.h"

namespace exo::posix {

/// setuid(2) and its kin: `after` has the new ids, and what of `before`'s capabilities goes with
/// them.
void follow_users(const Credentials& before, Credentials& after);

/// setfsuid(2): those that are about files.
void follow_file_user(const Credentials& before, Credentials& after);

/// execve(2): `after` has the ids that the new program runs with.
void start_with_capabilities(const Credentials& before, Credentials& after);

/// capset(2) within the bounds of what `who` has. PERM.
Result<void> set_capabilities(Credentials& who, std::uint64_t permitted, std::uint64_t effective,
                              std::uint64_t inheritable);

}  // namespace exo::posix
