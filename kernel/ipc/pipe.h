// pipe(7): a stream of bytes between two ends on a Fusion Ring. Messages are slots of up to 56
// bytes or descriptors of pages; writes of up to PIPE_BUF (4096) bytes are not torn.
#pragma once

#include "kernel/fs/file.h"

namespace exo {

struct PipeEnds {
    Ref<File> reader;
    Ref<File> writer;
};

/// pipe2(2) without descriptors. NOMEM.
Result<PipeEnds> create_pipe(FileFlags flags);

}  // namespace exo
