// The first files: a cpio archive (newc), plain or compressed by gzip or zstd, several one after
// the other, unpacked into the root (Linux:
// Documentation/driver-api/early-userspace/buffer-format).
#pragma once

#include <cstddef>
#include <span>

#include "kernel/fs/dentry.h"

namespace exo {

/// Unpacks below `root`; what came before an error stays, and the log says what was wrong. An entry
/// whose name leads nowhere is left out. INVAL: no archive, or a corrupt or truncated one; NOSPC,
/// NOMEM: it does not fit.
Result<void> unpack_initrd(std::span<const std::byte> archive, Dentry& root);

}  // namespace exo
