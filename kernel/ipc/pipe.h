// pipe(7): a stream of bytes between two ends on a Fusion Ring. Messages are slots of up to 56
// bytes or descriptors of pages; writes of up to PIPE_BUF (4096) bytes are not torn.
#pragma once

#include "kernel/fs/file.h"
#include "kernel/object/rights.h"

namespace exo {

/// Bytes that a pipe holds, as F_GETPIPE_SZ of Linux says of a new one.
inline constexpr std::size_t kPipeCapacity = 64 * 1024;
/// Writes of up to so many bytes are whole or not at all.
inline constexpr std::size_t kPipeBuf = 4096;

struct PipeEnds {
    Ref<File> reader;
    Ref<File> writer;
};

/// pipe2(2) without descriptors. NOMEM.
Result<PipeEnds> create_pipe(FileFlags flags);

/// Opens a FIFO (fifo(7)): waits for the other end unless kNonBlocking; NXIO: kNonBlocking, for
/// writing only, and nobody reads; RESTARTSYS. For devices.h: set_fifo_opener().
Result<Ref<File>> open_fifo(Inode& inode, Dentry& by, FileFlags flags, Rights access);

}  // namespace exo
