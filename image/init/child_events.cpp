#include "image/init/child_events.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace init {

namespace {

int ends[2];

void on_child(int) {
    const int saved = errno;
    // Full: a wake-up is on its way already.
    [[maybe_unused]] const ssize_t done = write(ends[1], "", 1);
    errno = saved;
}

}  // namespace

bool watch_children() {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    struct sigaction action = {};
    action.sa_handler = on_child;
    action.sa_flags = SA_NOCLDSTOP | SA_RESTART;
    return sigaction(SIGCHLD, &action, nullptr) == 0;
}

int child_events() {
    return ends[0];
}

void clear_child_events() {
    char drop[64];
    [[maybe_unused]] const ssize_t got = read(ends[0], drop, sizeof drop);
}

}  // namespace init
