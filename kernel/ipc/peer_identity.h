// Who is at the other end of a socket, as it was when it connected or sent.
#pragma once

#include <cstdint>

#include "kernel/fs/credentials.h"

namespace exo {

struct PeerIdentity {
    std::int32_t process = 0;  ///< 0: not known
    Uid uid = ~Uid{0};
    Gid gid = ~Gid{0};
    bool operator==(const PeerIdentity&) const = default;
};

/// Of the program that the running thread works for; not known for a thread of the kernel. Defined
/// by the personality, as what is in kernel/personality.h.
[[nodiscard]] PeerIdentity running_identity();

}  // namespace exo
