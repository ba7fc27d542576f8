// Credentials as values that are replaced, never changed (credentials(7)).
#pragma once

#include <type_traits>

#include "posix_x/process.h"

namespace exo::posix {

/// A copy to be changed before anybody sees it. NOMEM.
Result<Ref<Credentials>> copy_credentials(const Credentials& from);

/// Replaces a process's credentials by a copy that `change(Credentials&)` has changed; 0, as its
/// call answers. NOMEM, and what `change` gives, if it gives a Result<void>: nothing changes then.
template <typename Change>
Result<long> change_credentials(Process& process, Change change) {
    auto next = TRY(copy_credentials(*process.credentials()));
    if constexpr (std::is_void_v<std::invoke_result_t<Change, Credentials&>>)
        change(*next);
    else
        TRY(change(*next));
    process.set_credentials(Ref<const Credentials>(*next));
    return 0;
}

}  // namespace exo::posix
