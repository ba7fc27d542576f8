// Who may do what to an inode: path_resolution(7), capabilities(7).
#pragma once

#include "kernel/fs/credentials.h"
#include "kernel/fs/inode.h"
#include "lib/base/bit_set.h"

namespace exo {

inline constexpr Mode kSetUid = 04000;
inline constexpr Mode kSetGid = 02000;
inline constexpr Mode kSticky = 01000;

enum class Permission : std::uint8_t { kExecute = 1, kWrite = 2, kRead = 4 };
template <>
inline constexpr bool kIsBitSet<Permission> = true;
/// ACCES: `who` may not (mode bits, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH).
Result<void> check_permission(const InodeStat& of, Permission wanted, const Credentials& who);

/// Owns it, or CAP_FOWNER.
[[nodiscard]] bool is_owner(const InodeStat& of, const Credentials& who);

/// Whether `who` may take a name of `what` out of `directory`. ACCES; PERM: sticky (unlink(2)).
Result<void> check_removal(const InodeStat& directory, const InodeStat& what,
                           const Credentials& who);

}  // namespace exo
