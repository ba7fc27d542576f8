// Credentials as values that are replaced, never changed (credentials(7)).
#pragma once

#include "kernel/fs/credentials.h"

namespace exo::posix {

/// A copy to be changed before anybody sees it. NOMEM.
Result<Ref<Credentials>> copy_credentials(const Credentials& from);

}  // namespace exo::posix
