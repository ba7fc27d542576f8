#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/init/system.h"

namespace init {

namespace {

constexpr char kConsole[] = "/dev/ttyS0";

/// A session of its own with the console as its terminal, so that Ctrl-C and job control work.
[[noreturn]] void become_shell(const char* size) {
    setsid();
    const int console = open(kConsole, O_RDWR);
    if (console < 0) {
        dprintf(2, "init: %s: %s\n", kConsole, strerror(errno));
        _exit(126);
    }
    if (ioctl(console, TIOCSCTTY, 0) != 0) dprintf(2, "init: TIOCSCTTY: %s\n", strerror(errno));
    winsize window = {};
    if (size != nullptr && sscanf(size, "%hux%hu", &window.ws_row, &window.ws_col) == 2) {
        ioctl(console, TIOCSWINSZ, &window);
    }
    for (int fd = 0; fd < 3; ++fd) dup2(console, fd);
    if (console > 2) close(console);
    char shell[] = "-sh";  // a login shell: reads /etc/profile
    char* arguments[] = {shell, nullptr};
    execve("/bin/sh", arguments, environ);
    dprintf(2, "init: /bin/sh: %s\n", strerror(errno));
    _exit(127);
}

}  // namespace

int run_shell(const char* size, const char* term) {
    if (term != nullptr) setenv("TERM", term, 1);
    const pid_t shell = fork();
    if (shell < 0) {
        dprintf(2, "init: fork: %s\n", strerror(errno));
        return 126;
    }
    if (shell == 0) become_shell(size);
    for (;;) {  // and whatever else ends, for everything without a parent is init's
        int status;
        const pid_t ended = wait(&status);
        if (ended == shell) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 && errno != EINTR) return 126;
    }
}

}  // namespace init
