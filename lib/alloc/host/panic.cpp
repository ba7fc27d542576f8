// panic() within libexo_alloc.so: as lib/base/host/panic.cpp, but the message is the whole line.
// The program it ends is not one of Exo-OS, and the message says who speaks.
#include "lib/base/panic.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace exo {

void panic(const char* message) {
    iovec parts[] = {{const_cast<char*>(message), std::strlen(message)},
                     {const_cast<char*>("\n"), 1}};
    [[maybe_unused]] const ssize_t written = writev(STDERR_FILENO, parts, 2);
    std::abort();
}

}  // namespace exo
