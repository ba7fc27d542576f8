// What the calls on sockets share.
#pragma once

#include "abi/linux/socket.h"
#include "kernel/ipc/unix_socket.h"
#include "posix_x/calls/files.h"

namespace exo::posix {

/// The socket that `fd` names. BADF; NOTSOCK.
Result<Use<UnixSocket>> socket_of(Task& task, Fd fd);

/// Who the running process is, to the other side.
[[nodiscard]] PeerIdentity identity_of(Task& task);

/// A sockaddr_un of `bytes` bytes. INVAL; FAULT. Whether the family will do is the caller's affair.
struct SocketName {
    std::uint16_t family = abi::kAfUnspecified;
    UnixName name;
};
Result<SocketName> read_name(UserAddr at, std::uint32_t bytes);

/// As accept(2) and recvfrom(2) do: cut to the room that is told at `bytes`, which then tells how
/// long it is. Of a socket without a name some calls tell the family, others nothing.
enum class Unnamed : std::uint8_t { kFamily, kNothing };
Result<void> write_name(UserAddr at, UserAddr bytes, const UnixName& name,
                        Unnamed unnamed = Unnamed::kFamily);

/// Whether a write that fails with PIPE raises SIGPIPE: not of packets.
[[nodiscard]] bool raises_sigpipe(const File& file);

/// Whom `name` names, from the running process. NOENT, ACCES, CONNREFUSED, PROTOTYPE...
Result<Ref<UnixSocket>> find_socket(Task& task, const UnixName& name);

}  // namespace exo::posix
