// tmpfs(5): files in memory. A regular file is a memory object of zero-filled pages, so that
// read(2), write(2) and mmap(2) see the same bytes; directories are NameTables.
#pragma once

#include "kernel/fs/file_system.h"

namespace exo {

struct TmpfsOptions {
    std::uint64_t max_bytes = 0;   ///< of file pages; 0: half of RAM
    std::uint64_t max_inodes = 0;  ///< 0: one for each page of half of RAM
    std::uint16_t root_mode = 01777;
    std::string_view type = "tmpfs";  ///< what it is called
};

/// NOMEM.
Result<Ref<FileSystem>> create_tmpfs(const TmpfsOptions& options);
/// From mount options such as "size=64m,nr_inodes=1k,mode=755". INVAL.
Result<Ref<FileSystem>> create_tmpfs_from_options(std::string_view options);
/// The same for what is not said in `options`.
Result<Ref<FileSystem>> create_tmpfs_like(TmpfsOptions defaults, std::string_view options);

}  // namespace exo
