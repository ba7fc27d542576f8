// Inodes of what no directory names: one for each pipe and each socket, and one that all other such
// files share. Their file systems are mounted nowhere (Linux: pipefs, sockfs, anon_inodefs).
#pragma once

#include "kernel/fs/inode.h"

namespace exo {

/// Once, at boot. NOMEM.
Result<void> start_unnamed_inodes();

/// Of a pipe (kFifo) or a socket, owned by its maker. NOMEM.
Result<Ref<Inode>> create_unnamed_inode(FileType type, Uid uid, Gid gid);
[[nodiscard]] RefPtr<Inode> shared_unnamed_inode();

}  // namespace exo
