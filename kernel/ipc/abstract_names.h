// Names of sockets that are in no file system (unix(7)): one table for the machine.
#pragma once

#include "kernel/ipc/unix_socket.h"

namespace exo {

/// ADDRINUSE; NOMEM.
Result<void> add_abstract_name(const UnixName& name, Ref<UnixEndpoint> endpoint);
/// If it is `endpoint`'s.
void remove_abstract_name(const UnixName& name, const UnixEndpoint& endpoint);
/// Empty: nobody has it.
[[nodiscard]] RefPtr<UnixEndpoint> find_abstract_name(const UnixName& name);

}  // namespace exo
