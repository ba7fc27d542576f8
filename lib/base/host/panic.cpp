// panic() for programs on Linux: one line on standard error, then abort(3), which dumps core.
#include "lib/base/panic.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace exo {

void panic(const char* message) {
    // writev, not stdio: the heap or its locks may be what broke.
    iovec parts[] = {{const_cast<char*>("exo: "), 5},
                     {const_cast<char*>(message), std::strlen(message)},
                     {const_cast<char*>("\n"), 1}};
    [[maybe_unused]] const ssize_t written = writev(STDERR_FILENO, parts, 3);
    std::abort();
}

}  // namespace exo
