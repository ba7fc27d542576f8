// Files that have no name and live in memory, for memfd_create(2): regular files of a tmpfs that is
// mounted nowhere.
#pragma once

#include <string_view>

#include "kernel/fs/inode_file.h"

namespace exo {

/// Once, at boot. NOMEM.
Result<void> start_memory_files();

/// An empty one with these seals, owned by `owner`; `label` is what /proc shows of it. NOMEM.
Result<Ref<File>> create_memory_file(std::string_view label, Seals seals, const Credentials& owner,
                                     FileFlags flags);

}  // namespace exo
